"""Super-resolution: y = D x with MATLAB's bicubic D."""

import numpy as np
import torch

from benchhost.physics.bicubic import bicubic_matrix, resize
from benchhost.physics.noise import awgn, round_uint8
from benchhost.physics.separable import BicubicDownsampling
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed
from benchhost_tasks.images import crop_to_multiple, pixels, posed, studio_luma, to_tensor
from benchhost_tasks.sr_spec import SrParams


class SuperResolution:
    """Crop, take luma where the protocol says so, downsample, round."""

    def __init__(self, params: SrParams) -> None:
        self.params = params

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """Measure an item; see :class:`benchhost.types.TaskRuntime`."""
        p = self.params
        image = crop_to_multiple(item, pixels(item), p.scale)
        if p.protocol == "srcnn":
            image = studio_luma(image)
        x = to_tensor(image)
        A = BicubicDownsampling(x.shape[1:], p.scale, boundary=p.boundary, dtype=torch.float64)
        if p.rounding == "uint8_per_pass":
            # Rounding between the passes lies inside D, so the file is made as MATLAB makes it, beside A.
            small = resize(image, A.out_shape[1:], boundary=p.boundary, round_passes=True)
            y = to_tensor(small.astype(np.uint8))
        else:
            y = awgn(A(x), p.sigma / 255, seeds.random_state("noise"))
            y = round_uint8(y) if p.rounding == "uint8" else y
        variance = p.sigma**2 + rounding_variance(p, image.shape[1])
        notes = {"size": list(image.shape[:2]), "rounding": p.rounding}
        return posed(x=x, y=y, physics=A, sigma=variance**0.5 / 255, notes=notes)


def rounding_variance(params: SrParams, width: int) -> float:
    """Variance that rounding adds to a pixel of y, in grey levels squared.

    One rounding spreads an error evenly over one level; the second pass of the resize averages that of the first.
    """
    if params.rounding == "none":
        return 0.0
    once = 1 / 12
    if params.rounding == "uint8":
        return once
    columns = bicubic_matrix(width, width // params.scale, params.boundary)
    return once * (1 + float((columns**2).sum(1).mean()))
