"""The metric itself: what is compared of a view, in which range, and when it has no value."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from benchhost.errors import MetricUnavailable
from benchhost.metrics.compared import compared, to_8bit
from benchhost_lpips.network import distance
from benchhost_lpips.weights import weights

if TYPE_CHECKING:
    from benchhost.types import View


def lpips(view: View, *, net: str, value_range: Sequence[float], smallest: int) -> float:
    """LPIPS of an image in [0, 1] against its truth; lower is better, 0 for equal images.

    Both are rounded to whole grey levels, as the image files were that published figures are computed from, and
    scaled to ``value_range``.  Grey images are repeated to three channels.  Computed on the CPU in float32.
    Raises MetricUnavailable for volumes, sides below ``smallest`` pixels and absent weights, ChecksumMismatch.
    """
    if view.volume:
        raise MetricUnavailable("LPIPS compares natural images, not volumes")
    estimate, truth = compared(view, to_8bit)
    height, width = truth.shape[:2]
    if min(height, width) < smallest:
        raise MetricUnavailable(f"LPIPS needs sides of {smallest} pixels or more, the image has {height}x{width}")
    low, high = value_range
    with torch.no_grad():
        pair = [_batch(low + (high - low) * image / 255) for image in (estimate, truth)]
        return float(distance(net, weights(net), *pair))


def _batch(image: np.ndarray) -> Tensor:
    """(H, W) or (H, W, 3) -> (1, 3, H, W) float32."""
    colour = np.repeat(image[..., None], 3, axis=-1) if image.ndim == 2 else image
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(colour, -1, 0)[None])).float()
