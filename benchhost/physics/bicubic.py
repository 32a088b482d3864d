"""MATLAB's ``imresize(.., 'bicubic')`` as one matrix a dimension, and as it rounds 8-bit images.

Keys, "Cubic convolution interpolation for digital image processing", 1981, with a = -1/2; when the image shrinks the
kernel is stretched by 1 / scale (antialiasing).  Files made by MATLAB differ by its version: old releases (the LR
files of Set5, Set14, BSD100, Urban100 on the net) repeat the border pixel, new ones mirror.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np

Boundary = Literal["symmetric", "replicate"]


@lru_cache(maxsize=64)
def bicubic_matrix(n_in: int, n_out: int, boundary: Boundary = "symmetric") -> np.ndarray:
    """The matrix of a one-dimensional bicubic resize: float64 (n_out, n_in), rows sum to 1, read-only.

    The scale is n_out / n_in exactly, so sizes must be in the ratio meant (crop first).
    """
    scale = n_out / n_in
    stretch = min(scale, 1.0)
    width = 4 / stretch
    centre = (np.arange(n_out) + 0.5) / scale - 0.5
    left = np.floor(centre - width / 2).astype(int)
    taps = left[:, None] + np.arange(math.ceil(width) + 2)
    weights = stretch * _keys(stretch * (centre[:, None] - taps))
    weights /= weights.sum(1, keepdims=True)
    matrix = np.zeros((n_out, n_in))
    np.add.at(matrix, (np.arange(n_out)[:, None], _inside(taps, n_in, boundary)), weights)
    matrix.setflags(write=False)
    return matrix


def resize(
    image: np.ndarray, size: tuple[int, int], *, boundary: Boundary = "symmetric", round_passes: bool = False
) -> np.ndarray:
    """Resize (H, W) or (H, W, C) to ``size`` = (height, width), rows of the image first, in float64.

    round_passes: round and clip to 0..255 after each pass, as MATLAB does with uint8 input.
    """
    rows = bicubic_matrix(image.shape[0], size[0], boundary)
    columns = bicubic_matrix(image.shape[1], size[1], boundary)
    keep = round_to_uint8 if round_passes else np.asarray
    once = keep(np.tensordot(rows, image.astype(np.float64), (1, 0)))
    return keep(np.moveaxis(np.tensordot(columns, once, (1, 1)), 0, 1))


def round_to_uint8(levels: np.ndarray) -> np.ndarray:
    """MATLAB's ``uint8()``: saturate, round half away from zero; stays float64."""
    return np.floor(np.clip(levels, 0, 255) + 0.5)


def _keys(x: np.ndarray) -> np.ndarray:
    """Keys' cubic with a = -1/2 (his eq. 15)."""
    x = np.abs(x)
    near = 1.5 * x**3 - 2.5 * x**2 + 1
    far = -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2
    return np.where(x <= 1, near, np.where(x <= 2, far, 0))


def _inside(index: np.ndarray, n: int, boundary: Boundary) -> np.ndarray:
    """Indices brought back into 0..n-1."""
    if boundary == "replicate":
        return np.clip(index, 0, n - 1)
    folded = np.mod(index, 2 * n)
    return np.where(folded < n, folded, 2 * n - 1 - folded)
