"""The prior as a denoiser."""

import numpy as np
import pytest
import torch
from benchhost_ddnm.denoiser import PriorDenoiser
from benchhost_ddnm.params import DenoiserParams
from benchhost_ddnm.prior import denoise

from benchhost.errors import UsageError
from benchhost.physics.diagonal import Identity
from benchhost.plugins import load
from benchhost.testing.priors import GaussianPrior
from benchhost.types import Problem


def problem(y, sigma, **changes):
    shape = tuple(y.shape[1:])
    return Problem(y=y, physics=Identity(shape), sigma=sigma, image_shape=shape, rng=torch.Generator(), **changes)


def noisy(shape=(2, 1, 32, 32), sigma=0.1):
    rng = torch.Generator().manual_seed(0)
    return torch.rand(shape, generator=rng) + sigma * torch.randn(shape, generator=rng)


@pytest.mark.parametrize("sigma", [0.05, 0.2])
def test_with_a_known_law_it_is_the_posterior_mean(sigma):
    """The level at which the network is asked is the image's own: any other would shrink too much or too little."""
    law = GaussianPrior((1, 16, 16))
    y = law.sample(3, torch.Generator().manual_seed(0)) + sigma * torch.randn(3, 1, 16, 16)

    def network(x_t, alpha_bar):
        noise = ((1 - alpha_bar) / alpha_bar) ** 0.5
        return 2 * law.denoise((x_t / alpha_bar**0.5 + 1) / 2, noise / 2) - 1

    method = PriorDenoiser(DenoiserParams())
    method.denoise = network
    torch.testing.assert_close(method.reconstruct(problem(y, sigma)), law.denoise(y, sigma), rtol=1e-4, atol=1e-5)


def test_it_is_what_the_training_validates():
    method = PriorDenoiser(DenoiserParams(precision="fp32"))
    y = noisy()
    estimate = method.reconstruct(problem(y, 0.1))
    with torch.no_grad():
        torch.testing.assert_close(estimate, denoise(method.denoise.network, y, 0.1), rtol=1e-4, atol=1e-5)


def test_the_shipped_prior_takes_noise_off_a_photograph():
    """Floors a little under what it reaches; a linear filter reaches 26 dB here at sigma 25."""
    from skimage import data

    x = torch.from_numpy(data.camera()[96:224, 128:256].copy()).float()[None, None] / 255
    for sigma, floor in ((15, 30.0), (25, 27.5), (50, 24.5)):
        noise = torch.from_numpy(np.random.RandomState(0).standard_normal(x.shape)).float()
        estimate = PriorDenoiser(DenoiserParams()).reconstruct(problem(x + sigma / 255 * noise, sigma / 255))
        assert -10 * float((estimate.clamp(0, 1) - x).square().mean().log10()) > floor


@pytest.mark.parametrize("sigma", [0.0, None])
def test_it_needs_a_noise_level(sigma):
    with pytest.raises(UsageError, match="needs the positive noise level"):
        PriorDenoiser(DenoiserParams()).reconstruct(problem(noisy(), sigma))


def test_a_measurement_that_is_not_finite_is_refused():
    y = noisy()
    y[0, 0, 0, 0] = float("nan")
    with pytest.raises(UsageError, match=r"denoiser: problem\.y has values that are not finite"):
        PriorDenoiser(DenoiserParams()).reconstruct(problem(y, 0.1))


def test_other_tasks_are_refused_with_the_reason():
    from benchhost_ddnm.refusals import denoiser

    tasks = load().tasks
    assert "ddnm and ddnm_plus" in denoiser(tasks["sr"], None, 1, DenoiserParams())
    from benchhost_tasks.denoise_spec import DenoiseParams

    assert denoiser(tasks["denoise"], DenoiseParams(sigma=0.0), 1, DenoiserParams()) == "there is no noise to take off"
    assert denoiser(tasks["denoise"], DenoiseParams(), 1, DenoiserParams()) is None
