"""Small networks away from their initial state, and the files that hold them."""

import dataclasses
import json

import pytest
import torch
from benchhost_nsr.network import Nsr, NsrShape
from benchhost_nsr.restore import Restorer
from safetensors.torch import save_file

SMALL = NsrShape(blocks=2, features=8, groups=2, cardinality=4)


def perturbed(shape=SMALL, kind=Nsr):
    """A network whose gates and biases are not zero; its residuals are small, as after training."""
    network, rng = kind(shape), torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, p in network.named_parameters():
            if not name.endswith("gain"):
                p.copy_(0.3 * torch.randn(p.shape, generator=rng))
        (network.net if kind is Restorer else network).tail.gain.fill_(0.1)
    return network.eval()


def header(network, **changes):
    kind = "restore:Restorer" if isinstance(network, Restorer) else "network:Nsr"
    facts = {"architecture": f"benchhost_nsr.{kind}", "shape": dataclasses.asdict(network.shape), **changes}
    return {"network": json.dumps(facts)}


def save(path, network, facts=None):
    save_file({n: t.clone().half() for n, t in network.state_dict().items()}, path, facts or header(network))
    return path


@pytest.fixture
def small():
    """perturbed, header, save and SMALL in one place: test modules are not packages."""
    return type("Small", (), {"shape": SMALL, "perturbed": staticmethod(perturbed),
                              "header": staticmethod(header), "save": staticmethod(save)})  # fmt: skip


@pytest.fixture
def weights(tmp_path):
    return save(tmp_path / "nsr.safetensors", perturbed())


@pytest.fixture
def restorer(tmp_path):
    return save(tmp_path / "restore.safetensors", perturbed(dataclasses.replace(SMALL, hints=1), Restorer))
