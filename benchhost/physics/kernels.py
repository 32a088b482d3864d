"""Blur kernels: Gaussian taps, and camera shake drawn from a seed."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

# Kernels appear in operator ids by their bytes; exp and sin may differ in the last bits between machines.
DECIMALS = 12


def gaussian_taps(size: int, std: float) -> np.ndarray:
    """Samples of a Gaussian on ``size`` taps, their sum 1."""
    t = np.arange(size) - (size - 1) / 2
    taps = np.exp(-0.5 * (t / std) ** 2)
    return pinned(taps / taps.sum())


@lru_cache(maxsize=64)
def motion_kernel(size: int, seed: int) -> np.ndarray:
    """Camera shake: the path of a point whose speed drifts at random, drawn with bilinear weights, its sum 1.

    The path is centred on its bounding box and scaled to fill all but one pixel of the kernel on each side.
    """
    random = np.random.RandomState(seed)
    steps, momentum = 500, 0.97
    push = random.standard_normal((steps, 2))
    velocity = np.zeros(2)
    path = np.zeros((steps, 2))
    for t in range(1, steps):
        velocity = momentum * velocity + push[t]
        path[t] = path[t - 1] + velocity
    low, high = path.min(0), path.max(0)
    # The longer side of the bounding box fills the kernel; the shorter keeps its proportion.
    path = (path - (low + high) / 2) * ((size - 3) / (high - low).max()) + (size - 1) / 2
    kernel = np.zeros((size, size))
    corner = np.floor(path).astype(int)
    part = path - corner
    for di in (0, 1):
        for dj in (0, 1):
            weight = np.abs(1 - di - part[:, 0]) * np.abs(1 - dj - part[:, 1])
            np.add.at(kernel, (corner[:, 0] + di, corner[:, 1] + dj), weight)
    return pinned(kernel / kernel.sum())


def pinned(kernel: np.ndarray) -> np.ndarray:
    """The kernel rounded to what all machines agree on, and not to be written to."""
    kernel = np.round(kernel, DECIMALS)
    kernel.setflags(write=False)
    return kernel
