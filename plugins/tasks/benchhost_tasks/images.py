"""From an 8-bit image to the tensor a task measures, and from an estimate to what its metrics compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchhost.errors import UnsuitableImage
from benchhost.physics import Physics
from benchhost.physics.bicubic import round_to_uint8
from benchhost.types import Item, Posed, View


def pixels(item: Item) -> np.ndarray:
    """The image of an item: uint8 (H, W) or (H, W, 3).  Raises UnsuitableImage for anything else."""
    array = item.array
    if array.dtype != np.uint8 or array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[2] != 3):
        raise UnsuitableImage(
            f"{item.dataset}/{item.name}: an 8-bit image of 1 or 3 channels is needed, got {array.dtype} {array.shape}"
        )
    return array


def to_tensor(image: np.ndarray) -> Tensor:
    """uint8 (H, W) or (H, W, 3) -> float64 (1, C, H, W) in [0, 1]."""
    planes = image[..., None] if image.ndim == 2 else image
    return torch.from_numpy(planes.astype(np.float64)).permute(2, 0, 1)[None] / 255


def crop_to_multiple(item: Item, image: np.ndarray, multiple: int) -> np.ndarray:
    """Cut right and bottom so that both sides divide by ``multiple`` ("modcrop")."""
    height, width = (n - n % multiple for n in image.shape[:2])
    if not height or not width:
        raise UnsuitableImage(
            f"{item.dataset}/{item.name}: {image.shape[0]}x{image.shape[1]} pixels are fewer than {multiple}x{multiple}"
        )
    return image[:height, :width]


def studio_luma(image: np.ndarray) -> np.ndarray:
    """Y of MATLAB's ``rgb2ycbcr`` (BT.601 studio range, 16..235), rounded: uint8 (H, W, 3) -> uint8 (H, W).

    A grey image is its own luma: that is how the published tables treat Set14's bridge.
    """
    if image.ndim == 2:
        return image
    levels = 16 + image.astype(np.float64) @ np.array([65.481, 128.553, 24.966]) / 255
    return round_to_uint8(levels).astype(np.uint8)


def full_range_luma(image: np.ndarray) -> np.ndarray:
    """Y of BT.601 in full range, 0..255, in OpenCV's 14-bit integer arithmetic: uint8 (H, W, 3) -> uint8 (H, W).

    The rule of block compressed sensing, whose papers read luma with OpenCV.  A grey image stays as it is.
    """
    if image.ndim == 2:
        return image
    weighted = image.astype(np.int64) @ np.array([4899, 9617, 1868])
    return ((weighted + (1 << 13)) >> 14).astype(np.uint8)


def posed(
    *,
    x: Tensor,
    y: Tensor,
    physics: Physics,
    sigma: float | None,
    notes: Mapping[str, Any],
    size: tuple[int, int] | None = None,
) -> Posed:
    """A problem on a natural image in [0, 1], cast to float32.  The runner adds the consistency to the view.

    x, y: float64.  size: (H, W) of the image in the upper left corner of the canvas; None: the whole canvas.
    """
    return Posed(
        y=y.float(),
        physics=physics.to(dtype=torch.float32),
        sigma=sigma,
        truth=x.float(),
        view=_view(x, size or (x.shape[2], x.shape[3])),
        value_range=(0.0, 1.0),
        notes=notes,
    )


def _view(x: Tensor, size: tuple[int, int]) -> Callable[[Tensor], View]:
    truth = _plane(x, size)

    def view(estimate: Tensor) -> View:
        if estimate.shape != x.shape:
            raise ValueError(f"expected an estimate of shape {tuple(x.shape)}, got {tuple(estimate.shape)}")
        return View(estimate=_plane(estimate, size), truth=truth)

    return view


def _plane(image: Tensor, size: tuple[int, int]) -> np.ndarray:
    """(1, C, H, W) -> float64 (h, w) or (h, w, 3)."""
    array = image.detach().cpu().double().numpy()[0, :, : size[0], : size[1]]
    return array[0] if len(array) == 1 else np.ascontiguousarray(np.moveaxis(array, 0, -1))
