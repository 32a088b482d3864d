"""SSIM by protocol, computed by scikit-image: ``wang`` is the original index, ``sk7`` scikit-image's default.

Wang, Bovik, Sheikh and Simoncelli, "Image quality assessment: from error visibility to structural similarity", 2004.
Channels or slices are averaged; only windows that lie wholly inside the image count.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from benchhost.errors import MetricUnavailable
from benchhost.metrics.compared import compared, planes, studio_luma, to_8bit, to_255, truth_maximum, truth_range

if TYPE_CHECKING:
    from benchhost.types import View


def ssim_wang(view: View, *, shave: int = 0) -> float:
    """11 x 11 Gaussian of width 1.5, population covariance, on whole grey levels 0..255 (KAIR ``calculate_ssim``)."""
    return _wang(*compared(view, to_8bit, shave=shave), volume=view.volume)


def ssim_y_studio(view: View, *, shave: int) -> float:
    """``ssim/wang`` on the whole-level Y of MATLAB's ``rgb2ycbcr``."""
    return _wang(*compared(view, studio_luma, shave=shave), volume=view.volume)


def ssim_sk7(view: View) -> float:
    """Uniform 7 x 7 window, sample covariance, clipped to 0..255, not rounded (ISTA-Net)."""
    return _sk7(*compared(view, to_255), volume=view.volume, data_range=255.0)


def ssim_sk7_volmax(view: View) -> float:
    """FastMRI: ``sk7`` slice by slice with the range of the *whole volume*, its largest true value."""
    return _sk7(*compared(view), volume=view.volume, data_range=truth_maximum(view))


def ssim_sk7_gtrange(view: View) -> float:
    """LoDoPaB-CT: ``sk7`` with range = largest minus smallest true value."""
    return _sk7(*compared(view), volume=view.volume, data_range=truth_range(view))


def _wang(estimate: np.ndarray, truth: np.ndarray, *, volume: bool) -> float:
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 255.0}
    return _mean_over_planes(estimate, truth, volume=volume, window=11, settings=settings)


def _sk7(estimate: np.ndarray, truth: np.ndarray, *, volume: bool, data_range: float) -> float:
    return _mean_over_planes(estimate, truth, volume=volume, window=7, settings={"data_range": data_range})


def _mean_over_planes(
    estimate: np.ndarray, truth: np.ndarray, *, volume: bool, window: int, settings: dict[str, object]
) -> float:
    from skimage.metrics import structural_similarity

    pairs = list(zip(planes(truth, volume=volume), planes(estimate, volume=volume), strict=True))
    height, width = pairs[0][0].shape
    if min(height, width) < window:
        raise MetricUnavailable(f"an image of {height}x{width} is smaller than the {window}x{window} window of SSIM")
    index = partial(structural_similarity, **settings)
    return float(np.mean([index(g, e) for g, e in pairs]))
