"""Rules that decide, without the ground truth, which iterate is returned.

A rule sees numbers about the measurements and, for the variance rule, the network's outputs: never the image.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import torch
from torch import Generator, Tensor


class Verdict(NamedTuple):
    """keep: the present average is the best so far.  stop: no later iterate is wanted."""

    keep: bool = False
    stop: bool = False


class StopRule(Protocol):
    """Asked once after every step."""

    def update(self, step: int, *, residual: float, held_out: float | None, output: Tensor) -> Verdict:
        """Judge a step.

        step: counted from 1.  residual: mean squared residual of the fitted entries.  held_out: that of the entries
        kept out of the loss, None where there are none.  output: the network's output, (1, C, H, W).
        """


class RunToTheEnd:
    """The paper's own rule: a fixed number of steps."""

    def update(self, step: int, *, residual: float, held_out: float | None, output: Tensor) -> Verdict:
        """Never stop; keep nothing: the last average is the result."""
        return Verdict()


class Discrepancy:
    """Morozov's principle: stop once the residual is no larger than the noise, mean r^2 <= tau sigma^2.

    The residual of a single step is noisy, since the network's input is: an average with ``memory`` is compared.
    """

    def __init__(self, sigma: float, *, tau: float = 1.0, memory: float = 0.9) -> None:
        if not sigma > 0:
            raise ValueError(f"the discrepancy rule needs a noise level above zero, got sigma = {sigma}")
        self.limit = tau * sigma**2
        self.memory = memory
        self.smooth: float | None = None

    def update(self, step: int, *, residual: float, held_out: float | None, output: Tensor) -> Verdict:
        """Keep and stop at the first crossing."""
        self.smooth = _blend(self.smooth, residual, self.memory)
        crossed = self.smooth <= self.limit
        return Verdict(keep=crossed, stop=crossed)


class Validation:
    """Keep the iterate that predicts held-out entries best; stop after ``patience`` steps without a new minimum."""

    def __init__(self, *, patience: int, memory: float = 0.98) -> None:
        self.patience = patience
        self.memory = memory
        self.smooth: float | None = None
        self.best = float("inf")
        self.best_step = 0

    def update(self, step: int, *, residual: float, held_out: float | None, output: Tensor) -> Verdict:
        """Judge by the smoothed residual of the held-out entries."""
        if held_out is None:
            raise ValueError("the validation rule needs measurements that are kept out of the loss (holdout > 0)")
        self.smooth = _blend(self.smooth, held_out, self.memory)
        if self.smooth < self.best:
            self.best, self.best_step = self.smooth, step
            return Verdict(keep=True)
        return Verdict(stop=step - self.best_step >= self.patience)


class WindowedVariance:
    """ES-WMV: keep the iterate at the first confirmed minimum of the variance over the last ``window`` outputs.

    Wang et al., "Early Stopping for Deep Image Prior", TMLR 2023 (window 100, patience 1000).  Two additions: nothing
    counts before step ``floor``, where the variance has a false minimum, and ``entries`` random pixels stand for the
    image.  The search ends with the first minimum that ``patience`` steps confirm, since the variance of a network
    that has fitted the noise falls below it again.
    """

    def __init__(
        self, rng: Generator, *, patience: int = 1000, window: int = 100, floor: int = 200, entries: int = 65536
    ) -> None:
        self.rng, self.patience, self.window, self.entries = rng, patience, window, entries
        self.floor = max(floor, window)
        self.best, self.best_step = float("inf"), 0
        self._chosen: Tensor | None = None

    def update(self, step: int, *, residual: float, held_out: float | None, output: Tensor) -> Verdict:
        """Judge by the mean squared deviation from the window's mean."""
        variance = self._variance(step, output.detach().flatten())
        if step < self.floor:
            return Verdict()
        if variance < self.best:
            self.best, self.best_step = variance, step
            return Verdict(keep=True)
        return Verdict(stop=step - self.best_step >= self.patience)

    def _variance(self, step: int, flat: Tensor) -> float:
        """Mean of squares minus square of the mean, both kept up to date: cost independent of the window."""
        if self._chosen is None:
            few = min(self.entries, flat.numel())
            self._chosen = torch.randperm(flat.numel(), generator=self.rng)[:few].to(flat.device)
            self._ring = torch.zeros((self.window, few), dtype=torch.float64, device=flat.device)
            self._sum = torch.zeros_like(self._ring[0])
            self._energy = 0.0
        old, new = self._ring[(step - 1) % self.window], flat[self._chosen].double()
        self._sum += new - old
        self._energy += float(new.square().mean() - old.square().mean())
        old.copy_(new)
        return self._energy / self.window - float((self._sum / self.window).square().mean())


def _blend(old: float | None, new: float, memory: float) -> float:
    return new if old is None else memory * old + (1 - memory) * new
