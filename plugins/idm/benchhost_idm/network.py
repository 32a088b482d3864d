"""The network of a step of IDM: the prior's U-Net, wired to be invertible, with injectors of the measurement."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchhost.nets import UNet, UNetShape
from benchhost.nets.unet import NoiseEmbedding, channel_norm
from benchhost_idm.data_term import DataTerm
from benchhost_idm.reversible import Coupling, Keeping, couple

HIGHEST_V = 0.95
EAGER = 10.0  # by which numbers that weigh whole images or features learn faster than a network's weights


@dataclass(frozen=True, kw_only=True)
class IdmShape:
    """All that fixes the tensors and the computation.

    unet: of the prior, whose weights the network starts from.
    steps: T; 0 is a control that is no IDM: one pass of the U-Net from A+ y to the image, trained as a regression,
        without data steps, wiring of steps and injectors.
    injected: scales of the U-Net, from the finest, whose residual blocks are followed by injectors; 0 for none.
    kernel: side of the injectors' convolutions; the released code has 1, the text says 3.
    start: "pinv" begins at sqrt(alpha_bar_T) A+ y, "noise" at standard Gaussian noise.
    wired: whether steps and blocks are coupled; False is plain unrolled DDNM.
    consistent: a last data step after the merge of the two states, which the paper does not have: the wiring alone
        mixes an inconsistent state into the result.
    """

    unet: UNetShape = field(default_factory=UNetShape)
    steps: int = 3
    injected: int = 2
    kernel: int = 1
    start: Literal["pinv", "noise"] = "pinv"
    wired: bool = True
    consistent: bool = True

    def __post_init__(self) -> None:
        if not 0 <= self.injected <= len(self.unet.widths):
            raise ValueError(f"{self.injected} scales with injectors, the U-Net has {len(self.unet.widths)}")
        if not self.steps and (self.injected or self.start != "pinv"):
            raise ValueError("one pass without steps has nothing to inject and begins at A+ y: injected=0, start=pinv")
        for scale, width in enumerate(self.unet.widths[: self.injected]):
            if width % 4 ** (scale + 1):
                raise ValueError(f"an injector at scale {scale} needs features in multiples of {4 ** (scale + 1)}")


class Share(nn.Module):
    """v of one coupling, kept between a lowest and a highest value by a sigmoid: the inverse divides by it.

    Errors of the inverse grow as 1 / v a module, so the lowest v follows from the group's length: it keeps them below
    1e-4 in float32.  v starts a little above it, where the coupled network is nearest to the uncoupled one.
    """

    def __init__(self, depth: int) -> None:
        super().__init__()
        self.lowest = lowest_share(depth)
        self.raw = nn.Parameter(torch.zeros(1))

    def forward(self) -> Tensor:
        """v, shape (1,)."""
        span = HIGHEST_V - self.lowest
        return self.lowest + span * torch.sigmoid(EAGER * self.raw.float() + math.log(0.05 / (span - 0.05)))


def lowest_share(depth: int) -> float:
    """The v at which rounding errors of 6e-8 have grown to 1e-4 after ``depth`` modules, at least 0.1, at most 0.8."""
    return min(0.8, max(0.1, (6e-8 / 1e-4) ** (1 / depth)))


class Injector(nn.Module):
    """F + the measurement's view of F: an image f is read from the features, [f, A+A f, A+y] is written back.

    r = 2^(scale + 1) is the step from features to pixels.  The last convolution starts at zero, so that a new injector
    leaves the pretrained features as they are.
    """

    def __init__(self, width: int, scale: int, kernel: int) -> None:
        super().__init__()
        self.r = 2 ** (scale + 1)
        stacked = width // self.r**2
        self.read = nn.Conv2d(stacked, 1, kernel, padding=kernel // 2)
        self.write = nn.Conv2d(3, stacked, kernel, padding=kernel // 2)
        nn.init.zeros_(self.write.weight)
        nn.init.zeros_(self.write.bias)

    def forward(self, features: Tensor, data: Canvas) -> Tensor:
        """(N, width, h, w) -> the same; N = B C."""
        f = self.read(F.pixel_shuffle(features, self.r)).float()
        seen = data.normal(f)
        return features + F.pixel_unshuffle(self.write(torch.cat([f, seen, data.seen], 1)), self.r)


class Canvas:
    """A data term seen from the network: single channels, sides padded to the network's multiple.

    seen, start: of the data term, as the network sees them: (N, 1, H', W').
    """

    def __init__(self, term: DataTerm, multiple: int) -> None:
        self.term = term
        self.shape = (-1, *term.physics.in_shape)
        height, width = term.physics.in_shape[1:]
        self.size = (height, width)
        self.margin = (0, -width % multiple, 0, -height % multiple)
        self.seen, self.start = self.enter(term.seen), self.enter(term.start)

    def enter(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (N, 1, H', W'), mirrored (tiny images: repeated) into the margin."""
        x = x.reshape(-1, 1, *self.size)
        if not any(self.margin):
            return x
        # A mirror reaches no further than the image is wide.
        small = self.margin[1] >= self.size[1] or self.margin[3] >= self.size[0]
        return F.pad(x, self.margin, mode="replicate" if small else "reflect")

    def leave(self, x: Tensor) -> Tensor:
        """(N, 1, H', W') -> (B, C, H, W)."""
        return x[..., : self.size[0], : self.size[1]].reshape(self.shape)

    def normal(self, f: Tensor) -> Tensor:
        """A+A of an image read from features: (N, 1, H', W') -> the same."""
        with torch.autocast(f.device.type, enabled=False):
            return self.enter(self.term.normal(self.leave(f)))


class Group(nn.Module):
    """The residual blocks of one scale on one way, each followed by an injector: level 2 of the wiring."""

    def __init__(self, blocks: int, injected: bool) -> None:
        super().__init__()
        self.blocks, self.injected = blocks, injected
        depth = blocks * (2 if injected else 1)
        self.v = nn.ModuleList(Share(depth) for _ in range(depth))
        self.split = nn.Parameter(torch.zeros(1))  # second state over the first at the entry, less 1
        self.merge = nn.Parameter(torch.zeros(1))  # share of the second state in the result

    def residual_gains(self) -> Tensor:
        """How strongly each block's residual arrives in the group's result, at the initial v: (blocks,)."""
        one = torch.zeros(self.blocks)
        x1, x2 = one, one
        shares = iter(self.v)
        with torch.no_grad():
            for block in range(self.blocks):
                v = next(shares)()
                unit = torch.eye(self.blocks)[block]
                x1, x2 = (1 - v) * (x1 + unit) + v * x2, x1
                if self.injected:
                    v = next(shares)()
                    x1, x2 = (1 - v) * x1 + v * x2, x1
        return x1


class WiredUNet(nn.Module):
    """The prior's U-Net with its scales' residual blocks coupled.

    Its modules are those of :class:`benchhost.nets.UNet`, under ``unet``.  The embedding of alpha_bar stays (the
    released code drops it), and an embedding of the measurement's noise is added to it.
    """

    def __init__(self, shape: IdmShape) -> None:
        super().__init__()
        self.shape, self.unet = shape, UNet(shape.unet)
        self.noise = NoiseEmbedding(shape.unet.embedding)
        self.mix = nn.Linear(shape.unet.embedding, shape.unet.embedding)
        nn.init.zeros_(self.mix.weight)
        nn.init.zeros_(self.mix.bias)

        def groups(counts: tuple[int, ...]) -> nn.ModuleList:
            # A scale without blocks has nothing to wire, and no parameters that no gradient would reach.
            return nn.ModuleList(
                Group(n, scale < shape.injected) if n else nn.Identity() for scale, n in enumerate(counts)
            )

        if shape.wired:
            self.down, self.up = groups(shape.unet.down), groups(shape.unet.up)

    def start_from(self, prior: UNet) -> None:
        """Take over the prior's weights.

        The coupling passes (1 - v) of each residual on; the blocks' last convolutions are scaled up by what it takes
        away, so that the wired network begins near the pretrained function (exactly there in groups of one block).
        """
        self.unet.load_state_dict(prior.state_dict())
        if not self.shape.wired:
            return
        with torch.no_grad():
            for groups, ways in ((self.down, self.unet.down), (self.up, self.unet.up)):
                for group, blocks in zip(groups, ways, strict=True):
                    if not len(blocks):
                        continue
                    for gain, block in zip(group.residual_gains().tolist(), blocks, strict=True):
                        block.conv2.weight /= gain
                        block.conv2.bias /= gain

    def forward(self, x: Tensor, alpha_bar: Tensor, data: Canvas, injectors: nn.ModuleList, keep: Keeping) -> Tensor:
        """v of x: (N, 1, H', W') float32, alpha_bar (1,) -> the same shape, float32."""
        unet = self.unet
        sigma = torch.full_like(alpha_bar, max(data.term.sigma, 1e-3))
        level = unet.embed(alpha_bar) + self.mix(self.noise(1 / (1 + sigma.square())))
        injector = iter(injectors)
        h = unet.first(F.pixel_unshuffle(x, 2).contiguous(memory_format=torch.channels_last))
        skips = []
        for scale, blocks in enumerate(unet.down):
            h = self._group("down", scale, blocks, h, level, data, injector, keep)
            if scale < len(unet.shrink):
                skips.append(h)
                h = unet.shrink[scale](h)
        for scale in reversed(range(len(unet.up))):
            if scale < len(unet.grow):
                h = F.pixel_shuffle(unet.grow[scale](h), 2)
                h = unet.merge[scale](torch.cat([h, skips[scale].to(h.dtype)], 1))
            h = self._group("up", scale, unet.up[scale], h, level, data, injector, keep)
        return F.pixel_shuffle(unet.last(F.silu(channel_norm(h))), 2).float()

    def _group(
        self,
        way: str,
        scale: int,
        blocks: nn.ModuleList,
        h: Tensor,
        level: Tensor,
        data: Canvas,
        injectors: Iterator[nn.Module],
        keep: Keeping,
    ) -> Tensor:
        """One scale's blocks and injectors on one way, coupled where the network is wired."""
        modules: list[tuple[nn.Module, Callable[..., Tensor], tuple[Tensor, ...]]] = []
        for block in blocks:
            modules.append((block, block, (level,)))
            if scale < self.shape.injected:
                injector = next(injectors)
                modules.append((injector, partial(_inject, injector, data), ()))
        if not self.shape.wired:
            for _, body, reads in modules:
                h = body(h, *reads)
            return h
        if not modules:
            return h
        group = getattr(self, way)[scale]
        couplings = [
            Coupling(body, share(), reads, tuple(p for p in module.parameters()))
            for share, (module, body, reads) in zip(group.v, modules, strict=True)
        ]
        h = h.float()
        a, b = couple(couplings, h, (1 + EAGER * group.split) * h, keep=keep)
        return a + EAGER * group.merge * b


def _inject(injector: Injector, data: Canvas, features: Tensor) -> Tensor:
    return injector(features, data)
