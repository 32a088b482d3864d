"""IDM: T steps of DDNM, wired to be invertible, from A+y to the image.

Chen, Zhang et al., "Invertible Diffusion Models for Compressed Sensing", TPAMI 2025.  What differs from the paper and
from the released code is listed in the plugin's README.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor, nn

from benchhost.nets.scale import UNIT, Scale
from benchhost.physics import LinearPhysics
from benchhost_idm.data_term import DataTerm
from benchhost_idm.network import Canvas, IdmShape, Injector, Share, WiredUNet
from benchhost_idm.reversible import Coupling, Keeping, couple


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
        self.alpha = nn.Parameter(torch.zeros(T))  # before the sigmoid: 1/2 each, as in the released code
        # Error of the estimate at each step and at the end, for measurements with noise; halved from step to step.
        self.log_rho = nn.Parameter(torch.log(0.5 ** torch.arange(1, T + 2, dtype=torch.float32)))
        if shape.wired:
            self.v = nn.ModuleList(Share() for _ in range(T))
            self.w_start = nn.Parameter(torch.ones(1))
            self.w_end = nn.Parameter(torch.zeros(1))

    def alpha_bars(self) -> Tensor:
        """alpha_bar_0 = 1 to alpha_bar_T, decreasing: (T + 1,)."""
        learned = torch.cumprod(torch.sigmoid(self.alpha.float()), 0)
        return torch.cat([learned.new_ones(1), learned])

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
        steps = range(self.shape.steps, 0, -1)
        if self.shape.wired:
            couplings = [
                Coupling(partial(self.step, t, data), share(), (), self._read_by(t))
                for share, t in zip(self.v, steps, strict=True)
            ]
            x, h = couple(couplings, x, self.w_start * x, keep=self.kept.steps)
            x = x + self.w_end * h
        else:
            for t in steps:
                x = self.step(t, data, x)
        if self.shape.consistent:
            x = self._correct(data, x, self.shape.steps)
        return scale.image(data.leave(x))

    def step(self, t: int, data: Canvas, x: Tensor) -> Tensor:
        """F_t: one deterministic step of DDNM, from x_t to x_{t-1}: (N, 1, H', W') -> the same."""
        T = self.shape.steps
        bars = self.alpha_bars()
        now, after = bars[t : t + 1], bars[t - 1 : t]
        v = self.net(x, now, data, self.injectors[T - t], self.kept.blocks)
        with torch.autocast(x.device.type, enabled=False):
            x0 = now.sqrt() * x - (1 - now).sqrt() * v
            eps = now.sqrt() * v + (1 - now).sqrt() * x
            x0 = self._correct(data, x0, T - t)
            # The root of 1 - alpha_bar_0 = 0 has no finite derivative; the constant is not to be differentiated.
            return x0 if t == 1 else after.sqrt() * x0 + (1 - after).sqrt() * eps

    def _start(self, data: Canvas, rng: Generator | None) -> Tensor:
        if self.shape.start == "pinv":
            return self.alpha_bars()[-1:].sqrt() * data.start
        if rng is None:
            raise ValueError("a start from noise needs a generator")
        return torch.randn(data.start.shape, generator=rng).to(data.start.device)

    def _correct(self, data: Canvas, x: Tensor, index: int) -> Tensor:
        with torch.autocast(x.device.type, enabled=False):
            rho = self.log_rho[index : index + 1].exp()
            return data.enter(data.term.correct(data.leave(x), rho))

    def _read_by(self, t: int) -> tuple[Tensor, ...]:
        return (*self.net.parameters(), *self.injectors[self.shape.steps - t].parameters(), self.alpha, self.log_rho)
