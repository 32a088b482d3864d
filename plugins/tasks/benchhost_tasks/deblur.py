"""Deblurring: y = k * x + n."""

import torch

from benchhost.errors import UnsuitableImage
from benchhost.physics import LinearPhysics
from benchhost.physics.blur import CircularBlur, ValidBlur
from benchhost.physics.noise import awgn, floor_uint8, kair_stream
from benchhost.physics.separable import Separable
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed
from benchhost_tasks.deblur_spec import DeblurParams
from benchhost_tasks.images import crop_to_multiple, pixels, posed, to_tensor
from benchhost_tasks.kernels import factors_of, kernel_of

# DDRM and DDNM take smaller singular values of their separable blur as zero; so does the pseudo-inverse here.
ZERO_BOUNDARY_RCOND = 3e-2


class Deblur:
    """Blur in float64, cut to whole levels where the protocol does, add noise."""

    def __init__(self, params: DeblurParams) -> None:
        self.params = params

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """Measure an item; see :class:`benchhost.types.TaskRuntime`."""
        p = self.params
        x = to_tensor(crop_to_multiple(item, pixels(item), p.modcrop))
        A = self._physics(item, x.shape[1:])
        y = A(x)
        variance = p.sigma**2
        if p.sensor == "floor_uint8":
            y = floor_uint8(y)
            variance += 1 / 12  # an error spread evenly over one level; its mean, half a level, is part of the protocol
        if p.stream == "kair":
            y = awgn(y, p.sigma / 255, kair_stream(), order="HWC")
        else:
            y = awgn(y, p.sigma / 255, seeds.random_state("noise"))
        notes = {"kernel": A.spec().get("kernel", p.kernel), "size": [x.shape[2], x.shape[3]]}
        return posed(x=x, y=y, physics=A, sigma=variance**0.5 / 255, notes=notes)

    def _physics(self, item: Item, shape: torch.Size) -> LinearPhysics:
        p = self.params
        if p.boundary == "zero":
            rows, columns = factors_of(p, shape[1]), factors_of(p, shape[2])
            back = (torch.eye(shape[1], dtype=torch.float64).numpy(), torch.eye(shape[2], dtype=torch.float64).numpy())
            return Separable(shape, rows, columns, rcond=ZERO_BOUNDARY_RCOND, baseline=back, dtype=torch.float64)
        kernel = kernel_of(p)
        if p.boundary == "circular":
            return CircularBlur(shape, kernel, dtype=torch.float64)
        if min(shape[1] - kernel.shape[0], shape[2] - kernel.shape[1]) < 0:
            raise UnsuitableImage(
                f"{item.dataset}/{item.name}: {shape[1]}x{shape[2]} pixels are fewer than the kernel's "
                f"{kernel.shape[0]}x{kernel.shape[1]}, nothing of a valid convolution is left"
            )
        return ValidBlur(shape, kernel, dtype=torch.float64)
