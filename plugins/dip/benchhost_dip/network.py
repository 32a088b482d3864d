"""The hourglass network of the paper, written anew, with explicit random initialisation."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from benchhost_dip.settings import Architecture

_SLOPE = 0.2  # of the leaky ReLU


class Scale(nn.Module):
    """One scale: what goes down, across and up again."""

    def __init__(self, a: Architecture, index: int, inputs: int, below: int) -> None:
        super().__init__()
        down, up, skip = a.down[index], a.up[index], a.skip[index]
        self.across = _block(inputs, skip, 1) if skip else None
        self.down = nn.Sequential(
            *_block(inputs, down, a.down_kernel, a.border, stride=1 if a.pool else 2, pool=a.pool),
            *(_block(down, down, a.down_kernel, a.border) if a.refine else ()),
        )
        self.up = nn.Sequential(
            *([_norm(skip + below)] if a.renormalise else ()),
            *_block(skip + below, up, a.up_kernel, a.border),
            *(_block(up, up, 1) if a.mix else ()),
        )


class Hourglass(nn.Module):
    """Encoder, decoder and skip connections; upsampling is not learned: z -> (1, out, H, W).

    z: (1, inputs, H, W), or (1, inputs, H / 2, W / 2), rounded up, of a coarse architecture.

    Any H and W from :func:`smallest_side` on: each scale is brought back to the very size it had on the way down, a
    factor of 2 exactly where that is even, so that nothing is ever cropped.  The output is linear: the caller bounds
    it.  Batch norm always uses the statistics of the one image, also for the final output, as in the notebooks.
    """

    def __init__(self, architecture: Architecture, out_channels: int) -> None:
        super().__init__()
        a = architecture
        inputs = (a.inputs, *a.down[:-1])
        below = (*a.up[1:], a.down[-1])
        self.upsample = a.upsample
        self.scales = nn.ModuleList(Scale(a, i, inputs[i], below[i]) for i in range(len(a.down)))
        self.fine = _block(a.up[0], a.coarse, a.up_kernel, a.border) if a.coarse else None
        self.head = nn.Conv2d(a.coarse or a.up[0], out_channels, 1)

    def forward(self, z: Tensor, height: int, width: int, *, low_precision: bool = False) -> Tensor:
        """One pass to an image of ``height`` x ``width``.

        low_precision: all but the last layer in bfloat16; statistics and weights stay float32.
        """
        with torch.autocast(z.device.type, torch.bfloat16, enabled=low_precision):
            x, sizes, sides = z, [], []
            for scale in self.scales:
                sizes.append(x.shape[-2:])
                sides.append(None if scale.across is None else scale.across(x))
                x = scale.down(x)
            for scale, size, side in zip(reversed(self.scales), reversed(sizes), reversed(sides), strict=True):
                x = F.interpolate(x, size=size, mode=self.upsample)
                x = scale.up(x if side is None else torch.cat([side, x], dim=1))
            if self.fine is not None:
                x = self.fine(F.interpolate(x, size=(height, width), mode=self.upsample))
        # A 1 x 1 convolution to few channels; as a product of matrices it takes half the time.
        return F.linear(x.float().movedim(1, -1), self.head.weight[:, :, 0, 0], self.head.bias).movedim(-1, 1)


def build(architecture: Architecture, out_channels: int, rng: Generator) -> Hourglass:
    """A network on the CPU with PyTorch's default distribution of weights, every number drawn from ``rng``.

    The global generator is neither read nor moved: the layers are made without memory and filled here.
    """
    with torch.device("meta"):
        net = Hourglass(architecture, out_channels)
    net = net.to_empty(device="cpu").to(memory_format=torch.channels_last)
    for layer in net.modules():
        if isinstance(layer, nn.Conv2d):
            bound = 1 / math.sqrt(layer.weight[0].numel())  # Kaiming uniform with a = sqrt(5): 1 / sqrt(fan in)
            nn.init.uniform_(layer.weight, -bound, bound, generator=rng)
            nn.init.uniform_(layer.bias, -bound, bound, generator=rng)
        elif isinstance(layer, nn.BatchNorm2d):
            nn.init.ones_(layer.weight)
            nn.init.zeros_(layer.bias)
    return net.train()


def count(architecture: Architecture, out_channels: int) -> int:
    """Number of parameters."""
    with torch.device("meta"):
        return sum(p.numel() for p in Hourglass(architecture, out_channels).parameters())


def smallest_side(architecture: Architecture) -> int:
    """The least H and W that a network takes: its deepest grid must be wider than what convolutions reflect there.

    Batch norm needs more than one place, too, which this includes.
    """
    reach = max(architecture.down_kernel, architecture.up_kernel) // 2
    return reach * 2 ** (len(architecture.down) + bool(architecture.coarse)) + 1


def fixed_input(architecture: Architecture, height: int, width: int, rng: Generator) -> Tensor:
    """z for an image of H x W: uniform in [0, 0.1], or pixel coordinates in [0, 1] (meshgrid): (1, inputs, h, w)."""
    if architecture.coarse:
        height, width = -(-height // 2), -(-width // 2)
    if architecture.meshgrid:
        rows = torch.linspace(0, 1, height)[:, None].expand(height, width)
        columns = torch.linspace(0, 1, width)[None, :].expand(height, width)
        z = torch.stack([columns, rows])[None]
    else:
        z = 0.1 * torch.rand((1, architecture.inputs, height, width), generator=rng)
    return z.contiguous(memory_format=torch.channels_last)


def _norm(channels: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(channels, track_running_stats=False)


def _block(
    inputs: int, outputs: int, kernel: int, border: str = "zeros", *, stride: int = 1, pool: bool = False
) -> nn.Sequential:
    """Convolution, batch norm, leaky ReLU."""
    mode = border if kernel > 1 else "zeros"
    conv = nn.Conv2d(inputs, outputs, kernel, stride, padding=kernel // 2, padding_mode=mode)
    layers = [
        conv,
        *([nn.AvgPool2d(2, ceil_mode=True)] if pool else []),
        _norm(outputs),
        nn.LeakyReLU(_SLOPE, inplace=True),
    ]
    return nn.Sequential(*layers)
