"""The data term |A f - y|^2 over the entries that were measured, and a split of them for validation."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from benchhost.physics import Physics


class Residuals(NamedTuple):
    """loss: differentiable.  fitted, held_out: mean squared residual of the entries in the loss and of the others."""

    loss: Tensor
    fitted: float
    held_out: float | None


class DataTerm:
    """Mean squared residual of one measurement, split into entries that are fitted and entries kept out.

    Entries that A leaves at zero whatever the image (pixels under a mask, k-space that was not sampled, rays that miss
    the object) count neither in the residual nor in its mean: ``measured`` is the number m of the others.  They are
    found by measuring two random images.

    Non-linear A (JPEG) is taken as the identity on the decoded image: blind denoising, as in the paper.

    physics: operator of this sample.  y: (1, *out_shape).  holdout: fraction of the measured entries kept out.
    filtered: the loss is the mean square of B (A x - y) with B the task's linear baseline, filtered back-projection for
        CT: a norm in which all frequencies of the image count alike, so that few hundred steps suffice.
    """

    def __init__(self, physics: Physics, y: Tensor, *, holdout: float, rng: Generator, filtered: bool = False) -> None:
        self.forward: Callable[[Tensor], Tensor] = physics.A if physics.linear else torch.clone
        self.y = y if physics.linear else physics.baseline(y)
        self.filter = physics.baseline if filtered and physics.linear else None
        self.pixels = math.prod(physics.in_shape)
        seen, self._row_norm = self._probe(physics, rng)
        self.measured = int(seen.sum())
        if not self.measured:
            raise ValueError(f"{physics!r} measures nothing: every entry of A x is zero")
        hidden = torch.zeros_like(seen)
        if holdout:
            # All channels of a place together: a complex sample's two parts, a pixel's colours.
            places = (*[1] * (seen.ndim - 2), *seen.shape[-2:]) if seen.ndim > 3 else seen.shape
            draw = torch.rand(places, generator=rng).to(seen.device)
            hidden = seen & (draw < holdout)
        self._chosen = (seen & ~hidden).to(y.dtype)
        self._fitted = self._weights(seen & ~hidden)
        self._hidden = self._weights(hidden) if hidden.any() else None
        self._noise = torch.randn(y.shape, generator=rng).to(y) * self._chosen if self.filter else None

    def residuals(self, x: Tensor) -> Residuals:
        """Compare the measurement of x, (1, C, H, W), with y."""
        r = self.forward(x) - self.y
        squares = r.square()
        fitted = (squares * self._fitted).sum()
        held_out = None if self._hidden is None else float((squares.detach() * self._hidden).sum())
        loss = fitted if self.filter is None else self.filter(r * self._chosen).square().mean()
        return Residuals(loss, float(fitted.detach()), held_out)

    def smoothing(self, sigma: float | None, peak: float) -> float:
        """Weight of TV that answers noise of ``sigma`` on y; without noise (or unknown), noise of ``peak`` on x.

        The loss and its noise are in the same units.  For A = 1 the weight is sigma itself, which is how denoising
        scales; in general sigma g n / m, g the root mean square of the rows' norms, n / m pixels per entry.
        """
        if not sigma:
            return peak * (1.0 if self.filter else self._row_norm**2 * self.pixels / self.measured)
        if self.filter:
            return sigma * float(self.filter(self._noise).square().mean().sqrt())
        return sigma * self._row_norm * self.pixels / self.measured

    def _probe(self, physics: Physics, rng: Generator) -> tuple[Tensor, float]:
        """Which entries A ever moves, and the root mean square of its rows' norms, both from two white images."""
        if not physics.linear:
            return torch.ones_like(self.y, dtype=torch.bool), 1.0
        probes = torch.randn((2, 1, *physics.in_shape), generator=rng).to(self.y)
        answers = torch.stack([self.forward(probe) for probe in probes])
        seen = (answers != 0).any(0)
        return seen, float(answers.square().mean(0)[seen].mean().sqrt()) if seen.any() else 0.0

    @staticmethod
    def _weights(chosen: Tensor) -> Tensor:
        return chosen / chosen.sum()
