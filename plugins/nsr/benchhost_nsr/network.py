"""NSR's network: the skeleton of EDSR and WDSR without normalisation layers, with sparse convolutions in its blocks."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchhost_nsr.convolution import Gate, Kernels, Way, fastest

MEAN = 0.5  # taken off images in [0, 1]


@dataclass(frozen=True, kw_only=True)
class NsrShape:
    """What fixes the network's tensors.

    channels: of the image.  hints: further channels of the input.  blocks, features: B residual blocks of n channels.
    width: a block's hidden channels over n.  groups, cardinality: k and d; one group is the dense network.
    scale: of super-resolution; 1 keeps the size.
    """

    channels: int = 1
    hints: int = 0
    blocks: int = 16
    features: int = 32
    width: int = 1
    groups: int = 4
    cardinality: int = 16
    gate: Gate = "softmax"
    scale: int = 1


class Nsr(nn.Module):
    """(B, channels + hints, H, W) in about [0, 1] -> (B, channels, scale H, scale W), not clipped, float32.

    Gains of the weight normalisation begin at 2 in a block's first convolution and 1 / sqrt(B) in its second, which
    scales the residuals; 1 elsewhere.  The input also goes around the blocks: as it is, or through a 5 x 5 convolution
    where the scale is not 1.

    way: of convolving (see :meth:`Kernels.convolve`); None: the one that suits the device and the batch.
    """

    def __init__(self, shape: NsrShape, way: Way | None = None) -> None:
        super().__init__()
        self.shape, self.way = shape, way
        n, hidden = shape.features, shape.features * shape.width
        inputs, outputs = shape.channels + shape.hints, shape.channels * shape.scale**2
        self.head = Kernels(1, inputs, n)
        self.first = Kernels(
            shape.blocks, n, hidden,
            groups=shape.groups, cardinality=shape.cardinality, gate=shape.gate, gain=2.0,
        )  # fmt: skip
        self.second = Kernels(
            shape.blocks, hidden, n,
            groups=shape.groups, cardinality=shape.cardinality, gate=shape.gate, gain=shape.blocks**-0.5,
        )  # fmt: skip
        self.tail = Kernels(1, n, outputs)
        self.skip = Kernels(1, shape.channels, outputs, side=5) if shape.scale > 1 else None

    def forward(self, x: Tensor) -> Tensor:
        """Restore; under autocast the blocks run in its type, gates and the way around in float32."""
        dtype = F.conv2d(x[:1, :, :1, :1], x.new_zeros(1, x.shape[1], 1, 1)).dtype  # what autocast makes of it
        with torch.autocast(x.device.type, enabled=False):
            x = x.float() - MEAN
            h = _single(self.head, x.to(dtype))
            way = self.way or fastest(h.device.type, len(h), self.shape.groups)
            mixed_first = self.first.gated and way != "dense"
            if len(h) == 1 or not mixed_first:  # a grouped convolution wants images side by side
                h = h.contiguous(memory_format=torch.channels_last)
            kept = torch.float32 if mixed_first else dtype  # kernels are mixed in float32
            for first, second in zip(self.first.layers(kept), self.second.layers(kept), strict=True):
                hidden = self.first.convolve(h, first, way).relu_()
                h = h + self.second.convolve(hidden, second, way)
            out = _single(self.tail, h).float()
            image = x[:, : self.shape.channels]
            out = out + (image if self.skip is None else _single(self.skip, image))
            return F.pixel_shuffle(out, self.shape.scale) + MEAN


def _single(kernels: Kernels, h: Tensor) -> Tensor:
    return kernels.convolve(h, kernels.layers(h.dtype)[0], "dense")
