"""Baseline JPEG of grey patches as tensor arithmetic: the codec's result, up to its rounding, on any device at once."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from benchhost.physics.jpeg import dct_matrix, quantisation_table

TIE = 1e-4  # what float32 may miss a half by, where exact arithmetic meets it


def compress(x: Tensor, quality: Tensor) -> Tensor:
    """Encode and decode: (B, 1, H, W) in [0, 1] -> the same on the grid of 256 levels; sides divide by 8.

    quality: (B,) integers of libjpeg's scale, 1 to 100.  The codec's DCTs are integer arithmetic: here and there a
    coefficient that lies between two steps, and so a block, comes out otherwise.
    """
    batch, _, height, width = x.shape
    if height % 8 or width % 8:
        raise ValueError(f"patches of {height}x{width} pixels do not divide into blocks of 8x8")
    dct = dct_matrix().to(x)
    steps = _tables().to(x)[quality.to(x.device) - 1][:, None, None]  # (B, 1, 1, 8, 8)
    levels = (255 * x).round().clamp(0, 255) - 128
    blocks = levels.reshape(batch, height // 8, 8, width // 8, 8).transpose(2, 3)
    coefficients = _nearest(dct @ blocks @ dct.mT / steps) * steps
    decoded = (dct.mT @ coefficients @ dct).transpose(2, 3).reshape(batch, 1, height, width)
    return (decoded + (128.5 + TIE)).floor().clamp(0, 255) / 255  # halves go up


def _nearest(x: Tensor) -> Tensor:
    """Whole numbers; halves, which a block's mean often falls on, go away from zero as in the codec."""
    return x.sign() * (x.abs() + (0.5 + TIE)).floor()


@lru_cache(maxsize=1)
def _tables() -> Tensor:
    """The luma steps of every quality: (100, 8, 8)."""
    return torch.from_numpy(np.stack([quantisation_table(q) for q in range(1, 101)]).astype(np.float32))
