"""The samplers against a second implementation: numpy, float64, dense matrices, variance-exploding parametrisation."""

import numpy as np
import pytest
import torch
from benchhost_ddnm.consistency import Exact, Scalar, Spectral, noise_gain
from benchhost_ddnm.ladder import moves
from benchhost_ddnm.sampler import sample

from benchhost.nets import NoiseSchedule
from benchhost.physics.block_cs import BlockCS, gaussian_rows, sensing
from benchhost.physics.blur import CircularBlur
from benchhost.physics.diagonal import Mask
from benchhost.physics.fourier import RealFourier
from benchhost.physics.separable import BicubicDownsampling

SIDE, STEPS = 8, 20
N = SIDE * SIDE
BITS = np.random.RandomState(3)
OPERATORS = {
    "cs": BlockCS((1, 8, 8), 8, sensing(gaussian_rows(N, 20)), dtype=torch.float64),
    "skewed cs": BlockCS((1, 8, 8), 8, sensing(BITS.standard_normal((20, N))), dtype=torch.float64),
    "inpaint": Mask((1, 8, 8), BITS.rand(8, 8) < 0.5, dtype=torch.float64),
    "sr": BicubicDownsampling((1, 8, 8), 2, dtype=torch.float64),
    "blur": CircularBlur((1, 8, 8), np.full((3, 3), 1 / 9), rcond=0.2, dtype=torch.float64),
    "mri": RealFourier(BITS.rand(8, 8) < 0.4, (8, 8), dtype=torch.float64),
}


def reference(matrix, rcond, y, sigma_y, noises, covariance, mean, *, form, eta, repeat):
    """u = x_0 + s n throughout, images in [-1, 1] as vectors; rungs counted down, s = sqrt(1 / alpha_bar - 1)."""
    alpha_bar = np.cumprod(1 - np.linspace(1e-4, 0.02, 1000))
    rungs = [np.sqrt(1 / alpha_bar[t] - 1) for t in range(0, 1000, 1000 // STEPS)]
    left, values, right = np.linalg.svd(matrix)
    values = np.concatenate([values, np.zeros(N - len(values))])
    values[values <= max(rcond, 1e-10) * values[0]] = 0
    rank = int((values > 0).sum())
    inverse = right[:rank].T @ np.diag(1 / values[:rank]) @ left[:, :rank].T
    project = inverse @ matrix
    gain = np.sqrt(np.trace(inverse @ inverse.T) / np.trace(project))
    noises = iter(noises)

    def step(u, s, after):
        x0 = mean + covariance @ np.linalg.solve(covariance + s**2 * np.eye(N), u - mean)
        gap, e = inverse @ (matrix @ x0 - y), (u - x0) / s
        if form == "spectral":
            own = np.where(values > 0, sigma_y / np.where(values > 0, values, 1), 0)
            fits = after >= own
            trust = np.where(fits | (values == 0), 1, after * np.sqrt(1 - eta**2) / np.where(own > 0, own, 1))
            x0_hat = x0 - right.T @ (trust * (right @ gap))
        else:
            trust = min(1, after / (gain * sigma_y)) if form == "scalar" else 1
            x0_hat = x0 - trust * gap
        if after == 0:
            return x0, x0_hat, None
        z = next(noises)
        if form == "spectral":
            std = np.where(fits, np.sqrt(np.maximum(after**2 - own**2, 0)), after * eta)
            std = np.where(values > 0, std, after * eta)
            drift = np.where(values > 0, 0, after * np.sqrt(1 - eta**2))
            return x0, x0_hat, x0_hat + right.T @ (std * (right @ z) + drift * (right @ e))
        left_over = np.sqrt(max(after**2 - (gain * sigma_y) ** 2, 0)) if form == "scalar" else after
        return x0, x0_hat, x0_hat + left_over * (eta * z + np.sqrt(1 - eta**2) * e)

    u = next(noises) * np.sqrt(1 + rungs[-1] ** 2)
    visits = [0] * STEPS
    k = STEPS - 1
    while True:
        x0, x0_hat, u = step(u, rungs[k], rungs[k - 1] if k else 0.0)
        if not k:
            return x0_hat
        k -= 1
        if k % 4 == 0 and k < STEPS - 4 and visits[k] < repeat - 1:
            visits[k] += 1
            k += 4
            u = x0 + rungs[k] * next(noises)


@pytest.mark.parametrize("form", ["exact", "scalar", "spectral"])
@pytest.mark.parametrize(("eta", "repeat"), [(0.0, 1), (0.85, 1), (1.0, 1), (0.85, 2)])
@pytest.mark.parametrize("name", OPERATORS)
def test_both_give_the_same_image_from_the_same_noise(gaussian, name, eta, repeat, form):
    A, rng = OPERATORS[name], torch.Generator().manual_seed(7)
    truth = 2 * gaussian.prior.sample(1, rng, torch.float64) - 1
    sigma = 0.0 if form == "exact" else 0.2
    y = A.A(truth)
    y = y + sigma * torch.randn(y.shape, generator=rng, dtype=torch.float64)
    noises = torch.randn((3 * STEPS, 1, 1, 8, 8), generator=rng, dtype=torch.float64)
    made = {
        "exact": lambda: Exact(A, y, eta=eta),
        "scalar": lambda: Scalar(A, y, sigma * noise_gain(A, y), eta=eta),
        "spectral": lambda: Spectral(A, y, sigma, eta=eta),
    }[form]()
    draws = iter(noises)
    ours = sample(gaussian, made, moves(NoiseSchedule(), STEPS, 4, repeat), lambda: next(draws))

    matrix = A.A(torch.eye(N, dtype=torch.float64).reshape(N, 1, 8, 8)).reshape(N, -1).T.numpy()
    theirs = reference(
        matrix,
        A.rcond,
        y.flatten().numpy(),
        sigma,
        noises.reshape(-1, N).numpy(),
        4 * gaussian.prior.covariance().numpy(),
        2 * gaussian.prior.mean - 1,
        form=form,
        eta=eta,
        repeat=repeat,
    )
    assert np.abs(ours.flatten().numpy() - theirs).max() < 1e-8  # float64, 20 to 40 steps of a stable recursion
