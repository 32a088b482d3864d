"""A smooth image and a noisy estimate of it, the pair that most metric tests compare."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from benchhost.types import View


@pytest.fixture
def pair():
    """Make (estimate, truth) of a shape, in [0, 1] but for what the noise pushes out of it."""

    def make(*shape: int, noise: float = 0.05, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
        rng = np.random.RandomState(seed)
        truth = gaussian_filter(rng.rand(*shape), sigma=(2, 2, 0)[: len(shape)])
        truth = np.round(255 * (truth - truth.min()) / np.ptp(truth)) / 255
        return truth + noise * rng.randn(*shape), truth

    return make


@pytest.fixture
def view(pair):
    """Make the View of such a pair."""

    def make(*shape: int, noise: float = 0.05, seed: int = 0, **facts: object) -> View:
        estimate, truth = pair(*shape, noise=noise, seed=seed)
        return View(estimate=estimate, truth=truth, **facts)

    return make
