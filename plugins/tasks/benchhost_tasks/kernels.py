"""Blur kernels: Gaussian, motion drawn from a seed, DDNM's four taps, and those of a file."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from benchhost.errors import UsageError
from benchhost.physics.kernels import gaussian_taps, motion_kernel, pinned
from benchhost_tasks.artefacts import file_id, load_arrays
from benchhost_tasks.deblur_spec import DeblurParams


def kernel_of(params: DeblurParams) -> np.ndarray:
    """The kernel a task's parameters name: float64 (k, l)."""
    if params.kernel == "gaussian":
        taps = gaussian_taps(params.size, params.std)
        return pinned(np.outer(taps, taps))
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


def ddnm_taps() -> np.ndarray:
    """The blur DDNM calls a 5-tap Gaussian of standard deviation 10.

    Its loop runs over four of the five normalised taps, so the sum is 0.80 and the image moves by half a pixel.
    Kept as it is: published DDNM and DDRM figures are made with it.
    """
    taps = np.exp(-0.5 * (np.arange(-2, 3) / 10) ** 2)
    return pinned(taps / taps.sum())[:4]


@lru_cache(maxsize=16)
def _from_file(path: str, digest: str, index: int) -> np.ndarray:
    """Kernel ``index`` of a file; ``digest`` keys the cache, so that a changed file is read again."""
    kernels = load_arrays(path)
    if index >= len(kernels):
        raise UsageError(f"{path} holds kernels 0 to {len(kernels) - 1}, not {index}")
    return kernels[index]
