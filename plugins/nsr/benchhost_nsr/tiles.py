"""The authors' way with large images: tiles of the training patches' size, each with gates of its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

TILE, STRIDE, PAD = 48, 32, 4  # pixels of the input
LEAST = 192  # a side below which an image is run whole
MOST = 64  # tiles at a time


def tiled(network: Callable[[Tensor], Tensor], x: Tensor, *, scale: int = 1) -> Tensor:
    """Run a network over overlapping tiles: (B, C, H, W) -> (B, C', scale H, scale W).

    The image is mirrored by PAD; as much is cut from every side of a tile's result; what still overlaps is averaged.
    Images with a side below LEAST are run whole.
    """
    batch, _, height, width = x.shape
    if min(height, width) < LEAST:
        return network(x)
    padded = F.pad(x, (PAD,) * 4, mode="reflect")
    corners = [(top, left) for top in corners_of(height) for left in corners_of(width)]
    tiles = torch.cat([padded[..., top : top + TILE, left : left + TILE] for top, left in corners])
    results = torch.cat([network(part) for part in tiles.split(MOST)])
    inner = slice(scale * PAD, scale * (TILE - PAD))
    results = results[..., inner, inner].unflatten(0, (len(corners), batch))
    total = results.new_zeros(*results.shape[1:3], scale * height, scale * width)
    count = results.new_zeros(scale * height, scale * width)
    side = scale * (TILE - 2 * PAD)
    for (top, left), result in zip(corners, results, strict=True):
        rows, columns = (slice(scale * start, scale * start + side) for start in (top, left))
        total[..., rows, columns] += result
        count[rows, columns] += 1
    return total / count


def corners_of(length: int) -> list[int]:
    """Where tiles begin along a side, in the padded image: every STRIDE pixels, the last one at its end."""
    last = length + 2 * PAD - TILE
    return [*range(0, last, STRIDE), last]
