"""PSNR by protocol: 10 log10(range^2 / mean squared error), in dB, over all pixels, channels and slices of one item.

Equal images give infinity.  A dataset's figure is the mean of per-image values, never the PSNR of a mean error.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from benchhost.metrics.compared import compared, studio_luma, to_8bit, to_255, truth_maximum, truth_range

if TYPE_CHECKING:
    from benchhost.types import View


def decibels(error: float, peak: float) -> float:
    """10 log10(peak^2 / error) with error a mean square; infinity where the error is 0."""
    return math.inf if error == 0 else 10.0 * math.log10(peak * peak / error)


def mean_square(a: np.ndarray, b: np.ndarray) -> float:
    """Mean of (a - b)^2 over every entry."""
    return float(np.mean(np.square(a - b)))


def psnr_255(view: View, *, rounded: bool, shave: int = 0) -> float:
    """Images in [0, 1], clipped and compared in grey levels of 0..255, in whole ones if ``rounded``.

    Rounded: DnCNN, KAIR, SwinIR.  Not rounded: ISTA-Net and DDNM.
    """
    estimate, truth = compared(view, to_8bit if rounded else to_255, shave=shave)
    return decibels(mean_square(estimate, truth), 255.0)


def psnr_y_studio(view: View, *, shave: int) -> float:
    """RGB in [0, 1] compared on the whole-level Y of MATLAB's ``rgb2ycbcr``: the protocol of super-resolution."""
    estimate, truth = compared(view, studio_luma, shave=shave)
    return decibels(mean_square(estimate, truth), 255.0)


def psnr_volmax(view: View) -> float:
    """FastMRI: the whole volume at once, peak = the volume's largest true value; no clipping."""
    return decibels(mean_square(*compared(view)), truth_maximum(view))


def psnr_gtrange(view: View) -> float:
    """LoDoPaB-CT's PSNR: range = largest minus smallest true value; no clipping."""
    return decibels(mean_square(*compared(view)), truth_range(view))


def psnr_1(view: View) -> float:
    """LoDoPaB-CT's PSNR-FR: range fixed at 1; no clipping."""
    return decibels(mean_square(*compared(view)), 1.0)
