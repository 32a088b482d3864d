"""What a protocol does to estimate and truth before a metric compares them: clip, scale, round, luma, shave.

Rounding is part of a protocol, and two conventions are in use.  They differ only on exact halves.

* :func:`to_8bit` rounds half to even, as ``numpy.round`` does (KAIR ``tensor2uint``).
* :func:`to_8bit_matlab` rounds half away from zero, as MATLAB's ``uint8()`` does; for values >= 0 that is
  ``floor(x + 0.5)``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from benchhost.errors import MetricUnavailable

if TYPE_CHECKING:
    from benchhost.types import View

Prepare = Callable[[np.ndarray], np.ndarray]

LUMA_WEIGHTS = (65.481, 128.553, 24.966)
"""BT.601 studio range, MATLAB ``rgb2ycbcr``: Y = 16 + 65.481 R + 128.553 G + 24.966 B, with R, G, B in [0, 1]."""


def to_255(image: np.ndarray) -> np.ndarray:
    """[0, 1] -> [0, 255], clipped, not rounded."""
    return np.clip(255.0 * image, 0.0, 255.0)


def to_8bit(image: np.ndarray) -> np.ndarray:
    """[0, 1] -> whole grey levels 0..255 as float64; exact halves go to the even neighbour."""
    return np.round(to_255(image))


def to_8bit_matlab(levels: np.ndarray) -> np.ndarray:
    """Grey levels -> whole grey levels 0..255 as float64; exact halves go up, as in MATLAB's ``uint8()``."""
    return np.floor(np.clip(levels, 0.0, 255.0) + 0.5)


def studio_luma(image: np.ndarray) -> np.ndarray:
    """Y of MATLAB's ``rgb2ycbcr`` in whole grey levels: (H, W, 3) in [0, 1] -> (H, W) in 16..235.

    A grey image (H, W) is its own luma, 0..255: that is how the published tables treat Set14's bridge.  Turning it
    into RGB first would squeeze it into 16..235 and raise its PSNR by 1.3 dB.
    """
    if image.ndim == 2:
        return to_8bit_matlab(255.0 * image)
    return to_8bit_matlab(16.0 + np.clip(image, 0.0, 1.0) @ np.asarray(LUMA_WEIGHTS))


def compared(view: View, prepare: Prepare | None = None, *, shave: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Estimate and truth in float64, prepared alike, ``shave`` pixels cut from every border.

    Raises ValueError where the shapes differ, MetricUnavailable where shaving leaves nothing.
    """
    estimate, truth = np.asarray(view.estimate, np.float64), np.asarray(view.truth, np.float64)
    if estimate.shape != truth.shape:
        raise ValueError(f"estimate and truth differ in shape: {estimate.shape} and {truth.shape}")
    if prepare is not None:
        estimate, truth = prepare(estimate), prepare(truth)
    if shave == 0:
        return estimate, truth
    rows, columns = (-2, -1) if view.volume else (0, 1)
    height, width = truth.shape[rows], truth.shape[columns]
    if min(height, width) <= 2 * shave:
        raise MetricUnavailable(f"shaving {shave} pixels from each border of {height}x{width} leaves nothing")
    inner = (slice(shave, height - shave), slice(shave, width - shave))
    index = (slice(None), *inner) if view.volume else inner
    return estimate[index], truth[index]


def planes(image: np.ndarray, *, volume: bool) -> list[np.ndarray]:
    """The two-dimensional parts of an image: its slices, its channels, or itself."""
    if image.ndim == 2:
        return [image]
    return list(image) if volume else list(np.moveaxis(image, -1, 0))


def truth_maximum(view: View) -> float:
    """The largest value of the truth over the whole volume, or the range its file states (``view.data_range``)."""
    peak = float(np.max(view.truth)) if view.data_range is None else float(view.data_range)
    if not peak > 0:
        raise MetricUnavailable(f"the truth's maximum is {peak:g}: there is no reference level")
    return peak


def truth_range(view: View) -> float:
    """Largest minus smallest value of the truth."""
    span = float(np.max(view.truth) - np.min(view.truth))
    if not span > 0:
        raise MetricUnavailable("the truth is constant: its range is 0")
    return span
