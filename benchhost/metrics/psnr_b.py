"""PSNR-B: PSNR that also charges the estimate for steps at the borders of 8 x 8 coding blocks.

Yim and Bovik, "Quality assessment of deblocked images", IEEE Trans. Image Processing 20(1), 2011, eq. 4-13.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from benchhost.errors import MetricUnavailable
from benchhost.metrics.compared import compared, planes, to_8bit
from benchhost.metrics.psnr import decibels, mean_square

if TYPE_CHECKING:
    from benchhost.types import View


def psnr_b_255(view: View, *, block: int = 8) -> float:
    """PSNR-B on whole grey levels 0..255, in dB; colour: mean of the channels' values.

    Only the estimate's own block steps are charged; the truth enters through the mean squared error alone.
    """
    estimate, truth = compared(view, to_8bit)
    pairs = zip(planes(estimate, volume=view.volume), planes(truth, volume=view.volume), strict=True)
    return float(np.mean([decibels(mean_square(e, g) + blocking_effect(e, block), 255.0) for e, g in pairs]))


def blocking_effect(image: np.ndarray, block: int = 8) -> float:
    """The blocking effect factor BEF (eq. 8-12), in squared grey levels: (H, W) -> float >= 0.

    D_B is the mean squared step between neighbours on two sides of a block border, D_C that between all other
    neighbours; BEF = eta (D_B - D_C) where positive, with eta = log2(block) / log2(min(H, W)).
    The paper counts borders as H (W / block - 1), for sides that are multiples of the block; here the pairs that
    exist are counted, which is the same number then, and right for other sides as well.
    """
    height, width = image.shape
    if min(height, width) <= block:
        raise MetricUnavailable(f"an image of {height}x{width} has no border between blocks of {block}x{block}")
    across, down = np.square(np.diff(image, axis=1)), np.square(np.diff(image, axis=0))
    on_border_across = np.arange(width - 1) % block == block - 1
    on_border_down = np.arange(height - 1) % block == block - 1
    at_borders = np.concatenate([across[:, on_border_across].ravel(), down[on_border_down].ravel()])
    elsewhere = np.concatenate([across[:, ~on_border_across].ravel(), down[~on_border_down].ravel()])
    excess = float(at_borders.mean() - elsewhere.mean())
    return max(0.0, excess) * math.log2(block) / math.log2(min(height, width))
