"""Blur kernels: Gaussian, motion drawn from a seed, DDNM's four taps, and those of a file."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from benchhost.errors import UsageError
from benchhost_tasks.artefacts import file_id, load_arrays
from benchhost_tasks.deblur_spec import DeblurParams

# Kernels appear in operator ids by their bytes; exp and sin may differ in the last bits between machines.
DECIMALS = 12


def kernel_of(params: DeblurParams) -> np.ndarray:
    """The kernel a task's parameters name: float64 (k, l)."""
    if params.kernel == "gaussian":
        taps = gaussian_taps(params.size, params.std)
        return _pinned(np.outer(taps, taps))
    if params.kernel == "ddnm":
        return np.outer(ddnm_taps(), ddnm_taps())
    if params.kernel == "motion":
        return motion_kernel(params.size, params.index)
    return _from_file(params.kernel, file_id(params.kernel), params.index)


def factors_of(params: DeblurParams, n: int) -> np.ndarray:
    """One factor of a separable blur with zeros beyond the border: float64 (n, n).

    Raises ValueError for a kernel that does not separate.
    """
    taps = gaussian_taps(params.size, params.std) if params.kernel == "gaussian" else ddnm_taps()
    matrix = np.zeros((n, n))
    for k, tap in enumerate(taps):
        offset = k - len(taps) // 2
        matrix += tap * np.eye(n, k=offset)
    return matrix


def gaussian_taps(size: int, std: float) -> np.ndarray:
    """Samples of a Gaussian on ``size`` taps, their sum 1."""
    t = np.arange(size) - (size - 1) / 2
    taps = np.exp(-0.5 * (t / std) ** 2)
    return _pinned(taps / taps.sum())


def ddnm_taps() -> np.ndarray:
    """The blur DDNM calls a 5-tap Gaussian of standard deviation 10.

    Its loop runs over four of the five normalised taps, so the sum is 0.80 and the image moves by half a pixel.
    Kept as it is: published DDNM and DDRM figures are made with it.
    """
    taps = np.exp(-0.5 * (np.arange(-2, 3) / 10) ** 2)
    return _pinned(taps / taps.sum())[:4]


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
    return _pinned(kernel / kernel.sum())


@lru_cache(maxsize=16)
def _from_file(path: str, digest: str, index: int) -> np.ndarray:
    """Kernel ``index`` of a file; ``digest`` keys the cache, so that a changed file is read again."""
    kernels = load_arrays(path)
    if index >= len(kernels):
        raise UsageError(f"{path} holds kernels 0 to {len(kernels) - 1}, not {index}")
    return kernels[index]


def _pinned(kernel: np.ndarray) -> np.ndarray:
    kernel = np.round(kernel, DECIMALS)
    kernel.setflags(write=False)
    return kernel
