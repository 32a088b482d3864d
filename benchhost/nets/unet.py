"""A small time-conditioned U-Net that predicts the noise in x_t, shaped so that one core can train it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


@dataclass(frozen=True, kw_only=True)
class UNetShape:
    """All that fixes the network's tensors.

    channels: channels of the image, 1 or 3.
    widths: feature channels per scale; the first scale works at half the image's resolution (pixel-unshuffle by 2),
        each further one at half of that.
    down, up: residual blocks per scale on the way down and up; the lowest scale has ``down[-1] + up[-1]`` of them.
    embedding: width of the noise-level embedding.
    """

    channels: int = 1
    widths: tuple[int, ...] = (64, 128, 192, 128)
    down: tuple[int, ...] = (1, 1, 1, 1)
    up: tuple[int, ...] = (2, 2, 1, 0)
    embedding: int = 64

    def __post_init__(self) -> None:
        if not len(self.widths) == len(self.down) == len(self.up) >= 1:
            raise ValueError(f"widths, down and up must be of one length, got {self.widths}, {self.down}, {self.up}")

    @property
    def multiple(self) -> int:
        """Image sides are padded inside to a multiple of this many pixels."""
        return 2 ** len(self.widths)


class UNet(nn.Module):
    """eps-prediction for images in [-1, 1]: ``network(x_t, alpha_bar)`` estimates the noise in x_t.

    The body sees x_t and the noise level and gives v = sqrt(alpha_bar) eps - sqrt(1 - alpha_bar) x_0 (Salimans and Ho,
    ICLR 2022); eps follows as sqrt(alpha_bar) v + sqrt(1 - alpha_bar) x_t and x_0 as sqrt(alpha_bar) x_t -
    sqrt(1 - alpha_bar) v.  A direct eps head would lose x_0 to rounding where alpha_bar is small.
    The noise level, not the step's number, is the condition: alpha_bar may be any number in (0, 1), so that a
    denoiser can be asked at the exact sigma of its image and alpha_bar may be learned.
    """

    def __init__(self, shape: UNetShape) -> None:
        super().__init__()
        self.shape = shape
        widths, lowest = shape.widths, len(shape.widths) - 1
        stacked = 4 * shape.channels
        self.embed = NoiseEmbedding(shape.embedding)
        self.first = nn.Conv2d(stacked, widths[0], 3, padding=1)
        self.down = nn.ModuleList(self._blocks(i, n) for i, n in enumerate(shape.down))
        self.shrink = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.grow = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in pairwise(widths))
        self.merge = nn.ModuleList(nn.Conv2d(2 * a, a, 1) for a in widths[:lowest])
        self.up = nn.ModuleList(self._blocks(i, n) for i, n in enumerate(shape.up))
        self.last = nn.Conv2d(widths[0], stacked, 3, padding=1)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)

    def forward(self, x: Tensor, alpha_bar: Tensor) -> Tensor:
        """The noise in x: (B, C, H, W) in [-1, 1] plus noise, alpha_bar (B,) -> (B, C, H, W), at least float32."""
        signal, noise = _coefficients(alpha_bar, x)
        return signal * self.v(x, alpha_bar) + noise * x

    def denoise(self, x: Tensor, alpha_bar: Tensor) -> Tensor:
        """The estimate of x_0 in [-1, 1] from x_t, by one evaluation; not clipped."""
        signal, noise = _coefficients(alpha_bar, x)
        return signal * x - noise * self.v(x, alpha_bar)

    def v(self, x: Tensor, alpha_bar: Tensor) -> Tensor:
        """The body: v for x_t of any size, at least float32."""
        height, width = x.shape[-2:]
        bottom, right = -height % self.shape.multiple, -width % self.shape.multiple
        # Mirrored pixels carry noise of the right strength; replicated ones would look like a clean stripe.
        padded = F.pad(x, (0, right, 0, bottom), mode="reflect") if bottom or right else x
        return self._body(padded, self.embed(alpha_bar))[..., :height, :width]

    def _body(self, x: Tensor, level: Tensor) -> Tensor:
        h = self.first(F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last))
        skips = []
        for i, blocks in enumerate(self.down):
            for block in blocks:
                h = block(h, level)
            if i < len(self.shrink):
                skips.append(h)
                h = self.shrink[i](h)
        for i in reversed(range(len(self.up))):
            if i < len(self.grow):
                h = F.pixel_shuffle(self.grow[i](h), 2)
                h = self.merge[i](torch.cat([h, skips[i]], 1))
            for block in self.up[i]:
                h = block(h, level)
        v = F.pixel_shuffle(self.last(F.silu(channel_norm(h))), 2)
        return v.to(torch.promote_types(v.dtype, torch.float32))

    def _blocks(self, scale: int, count: int) -> nn.ModuleList:
        shape = self.shape
        return nn.ModuleList(ResidualBlock(shape.widths[scale], shape.embedding) for _ in range(count))


class ResidualBlock(nn.Module):
    """x + conv(silu(conv(silu(scale * norm(x) + shift)))), scale and shift from the noise level.

    The last convolution starts at zero, so that an untrained block is the identity.
    """

    def __init__(self, width: int, embedding: int) -> None:
        super().__init__()
        self.modulate = nn.Linear(embedding, 2 * width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        nn.init.zeros_(self.conv2.weight)
        nn.init.zeros_(self.conv2.bias)
        nn.init.zeros_(self.modulate.weight)
        nn.init.zeros_(self.modulate.bias)

    def forward(self, x: Tensor, level: Tensor) -> Tensor:
        """(B, width, H, W), (B, embedding) -> (B, width, H, W)."""
        scale, shift = self.modulate(level)[:, :, None, None].chunk(2, 1)
        h = F.silu(torch.addcmul(shift, channel_norm(x), 1 + scale))
        return x + self.conv2(F.silu(self.conv1(h)))


class NoiseEmbedding(nn.Module):
    """alpha_bar (B,) -> (B, width): sines and cosines of log sigma, then two linear layers.

    log sigma = log((1 - alpha_bar) / alpha_bar) / 2 runs from -4.6 to 5.1 over the usual schedule.
    """

    FREQUENCIES = 12

    def __init__(self, width: int) -> None:
        super().__init__()
        # Periods from 40, longer than the whole range, down to 0.6; sigma 15 and 25 are 0.5 apart.
        self.register_buffer(
            "frequencies", torch.logspace(math.log10(2 * math.pi / 40), 1.0, self.FREQUENCIES), persistent=False
        )
        self.layers = nn.Sequential(
            nn.Linear(2 * self.FREQUENCIES, width), nn.SiLU(), nn.Linear(width, width), nn.SiLU()
        )

    def forward(self, alpha_bar: Tensor) -> Tensor:
        """Embed one noise level per sample."""
        alpha_bar = alpha_bar.to(self.frequencies.dtype)
        log_sigma = 0.5 * torch.log((1 - alpha_bar) / alpha_bar)
        phase = log_sigma[:, None] * self.frequencies
        return self.layers(torch.cat([phase.sin(), phase.cos()], 1))


def channel_norm(x: Tensor) -> Tensor:
    """Each pixel's features brought to mean 0 and variance 1 over the channels.

    Unlike group normalisation it knows nothing of the image's size, so that what 64 x 64 patches taught holds for whole
    images.  In channels-last memory a pixel's features lie together, which makes it the cheapest normalisation.
    """
    # Autocast would take it to float32, twice the memory traffic for nothing: the sums are in float32 anyway.
    with torch.autocast(x.device.type, enabled=False):
        return F.layer_norm(x.permute(0, 2, 3, 1), x.shape[1:2]).permute(0, 3, 1, 2)


def _coefficients(alpha_bar: Tensor, like: Tensor) -> tuple[Tensor, Tensor]:
    alpha_bar = alpha_bar.to(like.dtype)[:, None, None, None]
    return alpha_bar.sqrt(), (1 - alpha_bar).sqrt()
