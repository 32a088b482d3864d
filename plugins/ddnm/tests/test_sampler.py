"""The samplers where the answer is known: a Gaussian law has its posterior in closed form."""

import math

import numpy as np
import pytest
import torch
from benchhost_ddnm.consistency import Exact, Scalar, Spectral, noise_gain
from benchhost_ddnm.ladder import moves
from benchhost_ddnm.sampler import sample

from benchhost.nets import NoiseSchedule
from benchhost.physics.block_cs import BlockCS, gaussian_rows, sensing
from benchhost.physics.diagonal import Identity, Mask

DRAWS = 500
MASK = Mask((1, 8, 8), np.random.RandomState(2).rand(8, 8) < 0.5, dtype=torch.float64)
CS = BlockCS((1, 8, 8), 8, sensing(gaussian_rows(64, 24)), dtype=torch.float64)
NOTHING_LEFT = Identity((1, 8, 8), dtype=torch.float64)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def measure(gaussian, A, sigma):
    truth = gaussian.prior.sample(1, generator(5), torch.float64)
    y = A.A(truth)
    return y + sigma * torch.randn(y.shape, generator=generator(1), dtype=torch.float64)


def draw(gaussian, A, y, make, steps, count=DRAWS):
    """Images in [0, 1] from independent noises, (count, 1, 8, 8)."""
    rng = generator()
    y = (2 * y - A.A(torch.ones((1, *A.in_shape), dtype=y.dtype))).expand(count, *A.out_shape)
    noise = lambda: torch.randn((count, *A.in_shape), generator=rng, dtype=y.dtype)  # noqa: E731
    return (sample(gaussian, make(y), moves(NoiseSchedule(), steps), noise) + 1) / 2


def rms(x):
    return float(x.square().mean().sqrt())


@pytest.mark.parametrize("A", [MASK, CS])
@pytest.mark.parametrize(("eta", "spread"), [(0.0, 1.0), (1.0, 0.5)])
def test_without_noise_the_mean_is_the_posteriors_and_the_spread_what_eta_makes_of_it(gaussian, A, eta, spread):
    y = measure(gaussian, A, 0.0)
    posterior = gaussian.prior.posterior(A, y, 0.0)
    images = draw(gaussian, A, y, lambda y: Exact(A, y, eta=eta), steps=300)
    # Of 500 draws the mean is known to 0.004; the prior's mean is 0.08 away and A+ y 0.38.
    assert rms(images.mean(0) - posterior.mean[0]) < 0.01
    # With all noise fresh a direction of variance v obeys u' = w u + s z, w = v / (v + s^2), and settles at
    # s^2 / (1 - w^2), v / 2 for small s: half the posterior's variance.  Without fresh noise it is all of it.
    variance = float(images.flatten(1).var(0).sum() / posterior.covariance.trace())
    assert variance == pytest.approx(spread, abs=0.08)  # 300 of 1000 steps and 500 draws


@pytest.mark.parametrize("A", [MASK, CS])
def test_with_noise_the_spectral_form_comes_near_the_posterior_mean(gaussian, A):
    y = measure(gaussian, A, 0.1)
    posterior = gaussian.prior.posterior(A, y, 0.1)
    spectral = draw(gaussian, A, y, lambda y: Spectral(A, y, 0.2, eta=0.85), 100, 300)
    # Not a sampler of the posterior (README): 0.012 is seen; the prior's mean is 0.08 away, A+ y 0.38.
    assert rms(spectral.mean(0) - posterior.mean[0]) < 0.02
    exact = draw(gaussian, A, y, lambda y: Exact(A, y, eta=0.85), 100, 300)
    assert rms(exact.mean(0) - posterior.mean[0]) > 2 * rms(spectral.mean(0) - posterior.mean[0])


def test_with_noise_the_scalar_form_comes_nearer_than_keeping_the_noise(gaussian):
    y = measure(gaussian, CS, 0.1)
    posterior = gaussian.prior.posterior(CS, y, 0.1)
    scalar = draw(gaussian, CS, y, lambda y: Scalar(CS, y, 0.2 * noise_gain(CS, y), eta=0.85), 100, 100)
    exact = draw(gaussian, CS, y, lambda y: Exact(CS, y, eta=0.85), 100, 100)
    assert rms(scalar.mean(0) - posterior.mean[0]) < 0.75 * rms(exact.mean(0) - posterior.mean[0])


def test_without_fresh_noise_more_steps_bring_the_measurements_noise_back(gaussian):
    A, y = NOTHING_LEFT, measure(gaussian, NOTHING_LEFT, 0.1)
    mean = gaussian.prior.posterior(A, y, 0.1).mean[0]
    errors = [
        rms(draw(gaussian, A, y, lambda y: Spectral(A, y, 0.2, eta=0.0), steps, 1)[0] - mean)
        for steps in (20, 100, 400)
    ]
    assert errors[0] < 0.01
    assert errors[1] > 2 * errors[0]
    assert errors[2] > 1.3 * errors[1]
    assert errors[2] < rms(y[0] - mean)


def test_the_scalar_form_tends_to_ddnm_as_the_noise_goes(gaussian):
    y = measure(gaussian, CS, 0.0)
    exact = draw(gaussian, CS, y, lambda y: Exact(CS, y, eta=0.5), 20, 2)
    # At the last rung but one the level is 0.01: noise far below it changes nothing but the last step.
    small = draw(gaussian, CS, y, lambda y: Scalar(CS, y, 1e-5, eta=0.5), 20, 2)
    assert (small - exact).abs().max() < 1e-2
    none = draw(gaussian, CS, y, lambda y: Scalar(CS, y, 0.0, eta=0.5), 20, 2)
    torch.testing.assert_close(none, exact)


def test_with_all_noise_fresh_the_spectral_form_without_noise_is_ddnm(gaussian):
    y = measure(gaussian, CS, 0.0)
    exact = draw(gaussian, CS, y, lambda y: Exact(CS, y, eta=1.0), 20, 2)
    torch.testing.assert_close(draw(gaussian, CS, y, lambda y: Spectral(CS, y, 0.0, eta=1.0), 20, 2), exact)


@pytest.mark.parametrize("renoise", ["x0", "xt"])
def test_time_travel_puts_noise_on_what_it_is_told_to(renoise):
    """A path up and down by hand: nothing is measured, x_0|t is always 0.5, the k-th noise is k everywhere."""
    seen, numbers = [], iter(range(1, 10))

    class Nothing:
        def rectify(self, x0, a, sigma):
            return x0

        def spread(self, z, e, a, sigma):
            return sigma * z

    def denoise(x, alpha_bar):
        seen.append(float(x.mean()))
        return torch.full_like(x, 0.5)

    path = [(0.25, 0.64), (0.64, 0.16), (0.16, 0.64), (0.64, 1.0)]
    noise = lambda: torch.full((1, 1, 2, 2), float(next(numbers)))  # noqa: E731
    result = sample(denoise, Nothing(), path, noise, renoise=renoise)
    down = 0.8 * 0.5 + 0.6 * 2
    up = 0.4 * 0.5 + math.sqrt(0.84) * 3 if renoise == "x0" else 0.5 * down + math.sqrt(0.75) * 3
    assert seen == pytest.approx([1.0, up, 0.8 * 0.5 + 0.6 * 4])
    assert (result == 0.5).all()


def test_a_path_that_does_not_end_clean_is_refused(gaussian):
    y = measure(gaussian, CS, 0.0)
    with pytest.raises(ValueError, match="end at alpha_bar = 1"):
        sample(gaussian, Exact(CS, y, eta=0.0), [(0.1, 0.5)], lambda: torch.zeros((1, 1, 8, 8), dtype=torch.float64))


def test_the_noise_of_the_pseudo_inverse_is_told_apart_from_that_of_the_measurement():
    like = torch.zeros(1, 1)
    assert noise_gain(CS, like).item() == pytest.approx(1)
    assert noise_gain(MASK, like).item() == pytest.approx(1)
    halved = BlockCS((1, 8, 8), 8, sensing(0.5 * gaussian_rows(64, 24)), dtype=torch.float64)
    assert noise_gain(halved, like).item() == pytest.approx(2)


def test_probes_find_the_gain_that_singular_values_have():
    blocks = BlockCS((1, 24, 24), 8, sensing(np.random.RandomState(0).standard_normal((30, 64))), dtype=torch.float64)

    class Unspectral:
        in_shape, out_shape = blocks.in_shape, blocks.out_shape

        def A(self, x):
            return blocks.A(x)

        def A_dagger(self, y):
            return blocks.A_dagger(y)

    like = torch.zeros((2, 1), dtype=torch.float64)
    expected = noise_gain(blocks, like).item()
    found = noise_gain(Unspectral(), like)
    assert found.flatten().tolist() == pytest.approx([expected] * 2, rel=0.15)  # a probe of 270 numbers
