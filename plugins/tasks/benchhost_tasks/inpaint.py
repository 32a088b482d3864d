"""Inpainting: y = m x."""

import numpy as np
import torch

from benchhost.errors import UnsuitableImage
from benchhost.physics.diagonal import Mask
from benchhost.physics.noise import awgn
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed
from benchhost_tasks.images import pixels, posed, to_tensor
from benchhost_tasks.inpaint_spec import InpaintParams


class Inpaint:
    """Draw the mask, add noise, blank out."""

    def __init__(self, params: InpaintParams) -> None:
        self.params = params

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """Measure an item; see :class:`benchhost.types.TaskRuntime`."""
        p = self.params
        x = to_tensor(pixels(item))
        mask = draw_mask(p, (x.shape[2], x.shape[3]), seeds.random_state("mask"))
        if not mask.any():
            raise UnsuitableImage(f"{item.dataset}/{item.name}: keep={p.keep:g} leaves none of {mask.size} pixels")
        A = Mask(x.shape[1:], mask, dtype=torch.float64)
        y = A(awgn(x, p.sigma / 255, seeds.random_state("noise")))
        return posed(x=x, y=y, physics=A, sigma=p.sigma / 255, notes={"kept": float(mask.mean())})


def draw_mask(params: InpaintParams, size: tuple[int, int], random: np.random.RandomState) -> np.ndarray:
    """bool (H, W), True where a pixel is observed.  A random mask keeps exactly round(keep * H * W) pixels."""
    height, width = size
    if params.mask == "random":
        mask = np.zeros(height * width, dtype=bool)
        mask[random.permutation(mask.size)[: round(params.keep * mask.size)]] = True
        return mask.reshape(size)
    side = max(1, round(params.box * min(size)))
    top, left = (height - side) // 2, (width - side) // 2
    if params.place == "random":
        top, left = random.randint(height - side + 1), random.randint(width - side + 1)
    mask = np.ones(size, dtype=bool)
    mask[top : top + side, left : left + side] = False
    return mask
