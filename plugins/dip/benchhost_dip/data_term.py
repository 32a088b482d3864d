"""The data term |A f - y|^2 over the entries that were measured, and a split of them for validation."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from benchhost.physics import Physics


class DataTerm:
    """Mean squared residual of one measurement, split into entries that are fitted and entries kept out.

    Entries that A leaves at zero whatever the image (pixels under a mask, k-space that was not sampled, rays that miss
    the object) count neither in the residual nor in its mean: ``measured`` is the number m of the others.  They are
    found by measuring two random images.  ``gain`` is the root mean square of the rows' norms, from the same two.

    Non-linear A (JPEG) is taken as the identity on the decoded image: blind denoising, as in the paper.

    physics: operator of this sample.  y: (1, *out_shape).  holdout: fraction of the measured entries kept out.
    """

    def __init__(self, physics: Physics, y: Tensor, *, holdout: float, rng: Generator) -> None:
        self.forward: Callable[[Tensor], Tensor] = physics.A if physics.linear else torch.clone
        self.y = y if physics.linear else physics.baseline(y)
        seen, self.gain = self._probe(physics, rng)
        self.measured = int(seen.sum())
        if not self.measured:
            raise ValueError(f"{physics!r} measures nothing: every entry of A x is zero")
        hidden = torch.zeros_like(seen)
        if holdout:
            # All channels of a place together: a complex sample's two parts, a pixel's colours.
            places = (*[1] * (seen.ndim - 2), *seen.shape[-2:]) if seen.ndim > 3 else seen.shape
            draw = torch.rand(places, generator=rng).to(seen.device)
            hidden = seen & (draw < holdout)
        self._fitted = self._weights(seen & ~hidden)
        self._hidden = self._weights(hidden) if hidden.any() else None

    def residuals(self, x: Tensor) -> tuple[Tensor, float | None]:
        """Mean squared residual of the fitted entries, differentiable, and that of the held-out ones (or None)."""
        squares = (self.forward(x) - self.y).square()
        fitted = (squares * self._fitted).sum()
        hidden = None if self._hidden is None else float((squares.detach() * self._hidden).sum())
        return fitted, hidden

    def _probe(self, physics: Physics, rng: Generator) -> tuple[Tensor, float]:
        """Which entries A ever moves, and the root mean square of its rows' norms, both from two white images."""
        if not physics.linear:
            return torch.ones_like(self.y, dtype=torch.bool), 1.0
        probes = torch.randn((2, 1, *physics.in_shape), generator=rng).to(self.y)
        answers = torch.stack([self.forward(probe) for probe in probes])
        seen = (answers != 0).any(0)
        return seen, float((answers.square().mean(0)[seen].mean()).sqrt()) if seen.any() else 0.0

    @staticmethod
    def _weights(chosen: Tensor) -> Tensor:
        return chosen / chosen.sum()
