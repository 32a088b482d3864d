"""From a problem's range of values to the [-1, 1] of networks trained on images."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from benchhost.physics import LinearPhysics
from benchhost.types import Problem


class Scale(NamedTuple):
    """An image x of the problem is middle + half x' with x' in [-1, 1]."""

    middle: float
    half: float

    def image(self, x: Tensor) -> Tensor:
        """x' to x."""
        return self.middle + self.half * x

    def measurement(self, physics: LinearPhysics, y: Tensor) -> Tensor:
        """y' = (y - A m) / h, which measures x': (B, *out_shape) -> the same."""
        if self.middle:
            # One image a sample: operators whose samples differ want the whole batch.
            y = y - physics.A(torch.full((len(y), *physics.in_shape), self.middle, dtype=y.dtype, device=y.device))
        return y / self.half


UNIT, SIGNED = Scale(0.5, 0.5), Scale(0.0, 1.0)  # images in [0, 1], and the parts of complex ones in [-1, 1]


def scale_of(problem: Problem) -> Scale:
    """From the value range; images without one are centred at 0 and scaled by the peak of A+ y."""
    if problem.value_range is not None:
        low, high = problem.value_range
        return Scale((low + high) / 2, (high - low) / 2)
    start = problem.physics.A_dagger(problem.y)
    size = torch.linalg.vector_norm(start, dim=1) if problem.complex_image else start.abs()
    return Scale(0.0, float(size.max()) or 1.0)
