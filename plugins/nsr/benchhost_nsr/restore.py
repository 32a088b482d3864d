"""Restoration of linear measurements by NSR: A+ y, the network, a step back to the measurement.

This is our extension: the paper restores images, not measurements.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchhost.nets.scale import UNIT, Scale
from benchhost.physics import LinearPhysics
from benchhost_nsr.consistency import correct, start
from benchhost_nsr.convolution import Way
from benchhost_nsr.network import Nsr, NsrShape

RHO = 0.1  # standard deviation of the network's errors that training begins with, images in [-1, 1]


class Restorer(nn.Module):
    """One network for images of one channel; those of more are restored channel by channel.

    Its second input is A+ A 1, how much of a constant image the operator sees at each place: the mask of inpainting,
    about the ratio of random sensing.
    """

    def __init__(self, shape: NsrShape, way: Way | None = None) -> None:
        super().__init__()
        if (shape.channels, shape.hints, shape.scale) != (1, 1, 1):
            raise ValueError(f"a restorer takes one channel and one hint at scale 1, not {shape}")
        self.shape = shape
        self.net = Nsr(shape, way)
        self.rho = nn.Parameter(torch.zeros(()))  # log of the expected error over RHO

    def forward(
        self,
        physics: LinearPhysics,
        y: Tensor,
        sigma: float,
        scale: Scale = UNIT,
        run: Callable[[Tensor], Tensor] | None = None,
    ) -> Tensor:
        """(B, *out_shape) -> (B, C, H, W) of the problem's range, not clipped.

        run: applies the network; None: to the whole image.
        """
        with torch.autocast(y.device.type, enabled=False):
            sigma = sigma / scale.half
            y = scale.measurement(physics, y)
            seen = start(physics, y, sigma)
            ones = torch.ones_like(seen)
            hint = start(physics, physics.A(ones), sigma)
            inputs = torch.stack([0.5 + 0.5 * seen, hint], 2).flatten(0, 1)  # (B C, 2, H, W)
        restored = (run or self.net)(inputs)
        with torch.autocast(y.device.type, enabled=False):
            x = 2 * restored.view_as(seen) - 1
            return scale.image(correct(physics, x, y, sigma, RHO * self.rho.exp()))
