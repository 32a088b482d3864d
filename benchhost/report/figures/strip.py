"""Image strips: truth, measurement and reconstructions side by side, with one crop of all of them enlarged below."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchhost.report.figures.style import CROP, PAGE, canvas, save, styled
from benchhost.report.results import CONTROLS

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_ACROSS = 6
WIDEST = 1.9
GAP = 0.05
"""Inches between tiles."""


@dataclass(frozen=True, kw_only=True)
class Tile:
    """One picture: (H, W) or (H, W, 3), a title above and a caption (its PSNR) below."""

    title: str
    array: np.ndarray
    caption: str = ""


Box = tuple[int, int, int, int]
"""A crop: top row, left column, height, width, in pixels of the first tile."""


def image_strip(
    tiles: Sequence[Tile],
    path: Path,
    *,
    crop: Box | None = None,
    window: tuple[float, float] | None = None,
    errors: bool = False,
    width: float = PAGE,
) -> list[Path]:
    """Draw the tiles, the first of them the truth, and write ``path`` + ``.pdf`` and ``.png``.

    crop: the box enlarged below every tile; by default where the truth has detail and the reconstructions differ.
    window: values shown black and white; by default 0 and 1 for images in [0, 1], else the truth's extent.
    errors: add a row with the absolute error of the enlarged part, from white to black on one scale for all tiles,
        which stands where the truth would have its own.
    width: of the figure in inches.
    Raises ValueError for no tiles, or a tile that is no picture.
    """
    if not tiles:
        raise ValueError("an image strip needs at least one tile")
    for tile in tiles:
        if tile.array.ndim not in (2, 3) or (tile.array.ndim == 3 and tile.array.shape[-1] != 3):
            raise ValueError(f"tile '{tile.title}' has shape {tile.array.shape}: expected (H, W) or (H, W, 3)")
    fair = [tile.array for n, tile in enumerate(tiles) if n < 2 or tile.title not in CONTROLS]
    box = crop or chosen_crop(fair)
    low, high = window or display_window(tiles[0].array)
    with styled():
        most = max(2, round(MOST_ACROSS * width / PAGE))
        down = math.ceil(len(tiles) / most)
        across = math.ceil(len(tiles) / down)
        side = min(width / across, WIDEST) - GAP
        shape = tiles[0].array.shape
        full, below = side * shape[0] / shape[1], side * box[2] / box[3]
        titles = [_folded(tile.title) for tile in tiles]
        above = 0.17 + 0.12 * max(title.count("\n") for title in titles)
        row_height = above + full + GAP + below + (GAP + below if errors else 0) + 0.2
        figure = canvas(across * (side + GAP), down * row_height)
        wide, height = figure.get_size_inches()
        parts = [tile.array[_slices(_scaled(box, shape, tile.array.shape))] for tile in tiles]
        scale = _error_scale(parts) if errors else 0.0

        def axes_at(x: float, y: float, tall: float) -> Axes:
            axes = figure.add_axes((x / wide, (height - y - tall) / height, side / wide, tall / height))
            axes.set_axis_off()
            return axes

        for n, tile in enumerate(tiles):
            x, y = (n % across) * (side + GAP) + GAP / 2, (n // across) * row_height + above
            whole, part = axes_at(x, y, full), axes_at(x, y + full + GAP, below)
            _show(whole, tile.array, low, high)
            _outline(whole, _scaled(box, shape, tile.array.shape))
            _show(part, parts[n], low, high)
            whole.set_title(titles[n], fontsize=7.5, pad=2.5)
            if errors:
                part = axes_at(x, y + full + below + 2 * GAP, below)
                _show_error(part, parts[0], parts[n], scale, first=n == 0)
            part.text(0.5, -0.03, tile.caption, ha="center", va="top", fontsize=7, transform=part.transAxes)
        return save(figure, Path(path))


def chosen_crop(arrays: Sequence[np.ndarray]) -> Box:
    """A quarter of each side, where the truth has detail and the reconstructions differ.

    The first array is the truth, the second the measurement; the rest are compared.  With fewer than two of them the
    last array is compared with the truth.  Flat parts count a tenth: there only noise differs, and it does so anywhere.
    """
    from scipy.ndimage import uniform_filter

    truth = _grey(arrays[0])
    height, width = truth.shape
    size = min(max(8, min(height, width) // 4), height, width)
    rivals = [_grey(array) for array in arrays[2:] if array.shape[:2] == truth.shape]
    if len(rivals) < 2:
        rivals = [truth, *(_grey(array) for array in arrays[-1:] if array.shape[:2] == truth.shape)]

    def windows(values: np.ndarray) -> np.ndarray:
        means = uniform_filter(values, size, mode="constant")
        inner = means[size // 2 : height - (size - 1) // 2, size // 2 : width - (size - 1) // 2]
        return inner / max(inner.max(), np.finfo(float).tiny)

    detail = np.square(np.gradient(truth, axis=0)) + np.square(np.gradient(truth, axis=1))
    score = (0.1 + windows(detail)) * (0.1 + windows(np.var(np.stack(rivals), axis=0)))
    top, left = np.unravel_index(np.argmax(score), score.shape)
    return int(top), int(left), size, size


def display_window(truth: np.ndarray) -> tuple[float, float]:
    """0 and 1 for an image in that range, else the truth's smallest and largest value."""
    low, high = float(np.min(truth)), float(np.max(truth))
    if low >= 0 and 0.5 < high <= 1:
        return 0.0, 1.0
    return (low, high) if high > low else (low, low + 1.0)


def read_artifact(path: Path) -> np.ndarray:
    """A stored reconstruction as a picture: safetensors (1, C, H, W) -> (H, W), or (H, W, 3) for three channels.

    Two channels are a complex image and give its modulus.  Raises ValueError for a batch or other channel counts.
    """
    from safetensors.numpy import load_file

    arrays = load_file(path)
    array = arrays["estimate"] if "estimate" in arrays else next(iter(arrays.values()))
    if array.ndim != 4 or len(array) != 1 or array.shape[1] not in (1, 2, 3):
        raise ValueError(f"{path.name} holds shape {array.shape}: expected one image of 1, 2 or 3 channels")
    image = array[0].astype(np.float64)
    if len(image) == 2:
        return np.hypot(*image)
    return image[0] if len(image) == 1 else np.moveaxis(image, 0, -1)


def _grey(array: np.ndarray) -> np.ndarray:
    array = np.asarray(array, np.float64)
    return array if array.ndim == 2 else array.mean(-1)


def _scaled(box: Box, shape: tuple[int, ...], other: tuple[int, ...]) -> Box:
    """The same part of a picture of another size (a low-resolution measurement)."""
    if shape[:2] == other[:2]:
        return box
    down, right = other[0] / shape[0], other[1] / shape[1]
    height, width = max(1, round(box[2] * down)), max(1, round(box[3] * right))
    return min(round(box[0] * down), other[0] - height), min(round(box[1] * right), other[1] - width), height, width


def _show(axes: Axes, array: np.ndarray, low: float, high: float) -> None:
    shown = np.clip((np.asarray(array, np.float64) - low) / (high - low), 0, 1)
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def _slices(box: Box) -> tuple[slice, slice]:
    top, left, height, width = box
    return slice(top, top + height), slice(left, left + width)


def _error_scale(parts: Sequence[np.ndarray]) -> float:
    """The error shown black: the largest 99th percentile of any reconstruction; the measurement does not count."""
    errors = [np.abs(_grey(part) - _grey(parts[0])) for part in parts[2:] if part.shape == parts[0].shape]
    return max((float(np.quantile(error, 0.99)) for error in errors), default=0.0) or 1.0


def _show_error(axes: Axes, truth: np.ndarray, part: np.ndarray, scale: float, *, first: bool) -> None:
    """The absolute error, mean over colours; the truth's place says the scale, another size has no error."""
    if first or part.shape != truth.shape:
        text = f"error\n0 to {scale:.2g}" if first else ""
        axes.text(0.5, 0.5, text, ha="center", va="center", fontsize=7, transform=axes.transAxes)
        axes.set_xlim(0, 1)
        return
    error = np.abs(np.asarray(part, np.float64) - truth)
    error = error if error.ndim == 2 else error.mean(-1)
    axes.imshow(np.clip(error / scale, 0, 1), cmap="gray_r", vmin=0, vmax=1, interpolation="nearest")


def _outline(axes: Axes, box: Box) -> None:
    from matplotlib.patches import Rectangle

    top, left, height, width = box
    axes.add_patch(Rectangle((left - 0.5, top - 0.5), width, height, fill=False, edgecolor=CROP, linewidth=1.0))


def _folded(title: str, most: int = 18) -> str:
    """A long method label on two lines: its name, then its parameters."""
    name, _, rest = title.partition(":")
    if len(title) <= most or not rest:
        return title
    return f"{name}\n{rest if len(rest) <= most else rest[: most - 1] + '…'}"
