"""Denoisers that need no training: a Gaussian law's exact one, and a small random network in a file."""

import json
import math
from dataclasses import asdict

import pytest
import torch
from safetensors.torch import save_file

from benchhost.nets import UNet, UNetShape
from benchhost.testing.priors import GaussianPrior


class GaussianDenoiser:
    """x_0|t of ``benchhost.testing.GaussianPrior``, whose images lie about [0, 1], for a sampler in [-1, 1]."""

    def __init__(self, prior):
        self.prior = prior
        self.asked = []

    def __call__(self, x_t, alpha_bar):
        self.asked.append(alpha_bar)
        sigma = math.sqrt(1 / alpha_bar - 1)
        return 2 * self.prior.denoise((x_t / math.sqrt(alpha_bar) + 1) / 2, sigma / 2) - 1


@pytest.fixture
def gaussian():
    return GaussianDenoiser(GaussianPrior((1, 8, 8)))


def write_random_prior(path, channels=1):
    shape = UNetShape(channels=channels, widths=(8, 8), down=(1, 1), up=(1, 0), embedding=4)
    network, rng = UNet(shape), torch.Generator().manual_seed(0)
    tensors = {name: 0.2 * torch.randn(t.shape, generator=rng) for name, t in network.state_dict().items()}
    facts = {"architecture": "benchhost.nets:UNet", "shape": asdict(shape)}
    save_file({n: t.half() for n, t in tensors.items()}, path, metadata={"network": json.dumps(facts)})
    return str(path)


@pytest.fixture(scope="session")
def weights(tmp_path_factory):
    return write_random_prior(tmp_path_factory.mktemp("prior") / "grey.safetensors")


@pytest.fixture(scope="session")
def colour_weights(tmp_path_factory):
    return write_random_prior(tmp_path_factory.mktemp("prior") / "colour.safetensors", channels=3)
