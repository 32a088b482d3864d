"""IDM: T steps of DDNM, wired to be invertible, from A+y to the image.

Chen, Zhang et al., "Invertible Diffusion Models for Compressed Sensing", TPAMI 2025.  What differs from the paper and
from the released code is listed in the plugin's README.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor, nn

from benchhost.nets.scale import UNIT, Scale
from benchhost.physics import LinearPhysics
from benchhost_idm.data_term import DataTerm
from benchhost_idm.network import EAGER, Canvas, IdmShape, Injector, Share, WiredUNet
from benchhost_idm.reversible import Coupling, Keeping, couple

STRIDE = 0.3  # noise after a step over noise before, at first


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What is kept for the backward pass, across steps (level 1) and inside the U-Net (level 2)."""

    steps: Keeping = "reversible"
    blocks: Keeping = "reversible"


class Idm(nn.Module):
    """The unrolled network; ``forward`` reconstructs a batch measured with one operator."""

    def __init__(self, shape: IdmShape, kept: Kept | None = None) -> None:
        super().__init__()
        self.shape, self.kept = shape, kept or Kept()
        T, unet = shape.steps, shape.unet
        self.net = WiredUNet(shape)
        scales = [s for s, n in enumerate(unet.down) for _ in range(n)]
        scales += [s for s in reversed(range(len(unet.up))) for _ in range(unet.up[s])]
        self.injectors = nn.ModuleList(
            nn.ModuleList(Injector(unet.widths[s], s, shape.kernel) for s in scales if s < shape.injected)
            for _ in range(T)
        )
        # All of these are differences from where they begin, divided by EAGER.
        self.alpha = nn.Parameter(torch.zeros(max(T, 1)))
        if not T:
            return
        self.rho = nn.Parameter(torch.zeros(T + 1))
        if shape.wired:
            self.v = nn.ModuleList(Share(T) for _ in range(T))
            self.w_start = nn.Parameter(torch.zeros(1))
            self.w_end = nn.Parameter(torch.zeros(1))

    def alpha_bars(self, error: float) -> Tensor:
        """alpha_bar_0 = 1 to alpha_bar_T, decreasing: (T + 1,).

        The paper learns one schedule for each sampling ratio, with a network of its own.  Here the schedule is learned
        relative to the ``error`` of the start: sigma_T begins there, and each step takes it to STRIDE of what it was;
        alpha_bar = 1 / (1 + sigma^2).
        """
        free = EAGER * self.alpha.float()
        strides = torch.sigmoid(free[:-1].flip(0) + math.log(STRIDE / (1 - STRIDE)))
        ratios = torch.cat([free[-1:].exp(), strides])  # sigma_T over the error, then step over step
        sigma = error * torch.cumprod(ratios, 0).flip(0)
        return torch.cat([sigma.new_ones(1), 1 / (1 + sigma.square())])

    def rhos(self, error: float) -> Tensor:
        """Expected errors of the estimates of steps T to 1, and of the last one: (T + 1,).

        They begin at a third of the step's noise level: a denoiser leaves about that of the noise.
        """
        levels = error * STRIDE ** torch.arange(self.shape.steps + 1, device=self.rho.device)
        return levels / 3 * (EAGER * self.rho.float()).exp()

    def forward(
        self, physics: LinearPhysics, y: Tensor, sigma: float, *, scale: Scale = UNIT, rng: Generator | None = None
    ) -> Tensor:
        """The estimate, not clipped: (B, *out_shape) -> (B, C, H, W), float32.

        scale: of the images; in [0, 1] unless told otherwise.
        rng: for ``start="noise"`` only.
        """
        with torch.autocast(y.device.type, enabled=False):  # products with A in half precision would be noise in y
            data = Canvas(DataTerm(physics, y.float(), sigma, scale), self.shape.unet.multiple)
        x = self._start(data, rng)
        if not self.shape.steps:
            return scale.image(data.leave(self._once(data, x)))
        steps = range(self.shape.steps, 0, -1)
        if self.shape.wired:
            couplings = [
                Coupling(partial(self.step, t, data), share(), (), self._read_by(t))
                for share, t in zip(self.v, steps, strict=True)
            ]
            x, h = couple(couplings, x, (1 + EAGER * self.w_start) * x, keep=self.kept.steps)
            x = x + EAGER * self.w_end * h
        else:
            for t in steps:
                x = self.step(t, data, x)
        if self.shape.consistent:
            x = self._correct(data, x, self.shape.steps)
        return scale.image(data.leave(x))

    def step(self, t: int, data: Canvas, x: Tensor) -> Tensor:
        """F_t: one deterministic step of DDNM, from x_t to x_{t-1}: (N, 1, H', W') -> the same."""
        T = self.shape.steps
        bars = self.alpha_bars(data.term.error)
        now, after = bars[t : t + 1], bars[t - 1 : t]
        v = self.net(x, now, data, self.injectors[T - t], self.kept.blocks)
        with torch.autocast(x.device.type, enabled=False):
            x0 = now.sqrt() * x - (1 - now).sqrt() * v
            eps = now.sqrt() * v + (1 - now).sqrt() * x
            x0 = self._correct(data, x0, T - t)
            # The root of 1 - alpha_bar_0 = 0 has no finite derivative; the constant is not to be differentiated.
            return x0 if t == 1 else after.sqrt() * x0 + (1 - after).sqrt() * eps

    def _once(self, data: Canvas, x: Tensor) -> Tensor:
        """The image that the U-Net makes of A+ y, as a step would before its data step."""
        now = self.alpha_bars(data.term.error)[-1:]
        return now.sqrt() * x - (1 - now).sqrt() * self.net(x, now, data, nn.ModuleList(), self.kept.blocks)

    def _start(self, data: Canvas, rng: Generator | None) -> Tensor:
        if self.shape.start == "pinv":
            return self.alpha_bars(data.term.error)[-1:].sqrt() * data.start
        if rng is None:
            raise ValueError("a start from noise needs a generator")
        return torch.randn(data.start.shape, generator=rng).to(data.start.device)

    def _correct(self, data: Canvas, x: Tensor, index: int) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            rho = self.rhos(data.term.error)[index : index + 1]
            return data.enter(data.term.correct(data.leave(x), rho))

    def _read_by(self, t: int) -> tuple[Tensor, ...]:
        return (*self.net.parameters(), *self.injectors[self.shape.steps - t].parameters(), self.alpha, self.rho)
