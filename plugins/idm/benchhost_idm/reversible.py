"""Reversible wiring with recomputation in the backward pass: memory that does not grow with the number of modules.

Chen, Zhang et al., "Invertible Diffusion Models for Compressed Sensing", TPAMI 2025, eqs. 4 and 5:
y1 = (1 - v) F(x1) + v x2, y2 = x1, undone by x1 = y2, x2 = (y1 - (1 - v) F(x1)) / v.

Unlike the released code, nothing passes between forward and backward but the Function's own inputs and outputs: every
tensor that a body reads is an input, and its gradient is returned.  So two forwards before one backward, several
models, ``torch.autograd.grad`` and DistributedDataParallel all work.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable
from torch.utils.checkpoint import checkpoint

Keeping = Literal["reversible", "plain", "checkpoint"]


@dataclass(frozen=True)
class Coupling:
    """One module of a reversible group.

    body: ``body(x, *reads)``, of the shape of x; it may capture constants, but no tensor that is to get a gradient.
    v: share of the second state, shape (1,) and float32: a tensor with a dimension, so that half-precision outputs of
        a body are promoted and the states stay float32.
    reads: tensors handed to the body that have a history (noise-level embeddings).
    parameters: leaves that the body reads by itself.
    """

    body: Callable[..., Tensor]
    v: Tensor
    reads: tuple[Tensor, ...] = ()
    parameters: tuple[Tensor, ...] = ()

    def forward(self, x1: Tensor, x2: Tensor) -> tuple[Tensor, Tensor]:
        """(x1, x2) -> (y1, y2)."""
        return (1 - self.v) * self.body(x1, *self.reads) + self.v * x2, x1

    def inverse(self, y1: Tensor, y2: Tensor) -> tuple[Tensor, Tensor]:
        """(y1, y2) -> (x1, x2)."""
        return y2, (y1 - (1 - self.v) * self.body(y2, *self.reads)) / self.v


def couple(group: Sequence[Coupling], x1: Tensor, x2: Tensor, *, keep: Keeping = "reversible") -> tuple[Tensor, Tensor]:
    """Run a group of couplings on a pair of states.

    keep: what is kept for the backward pass: "reversible" the last pair only, "plain" everything (the oracle),
        "checkpoint" the pair before each module (the control: exact gradients, memory linear in the group's length).
    Gradients of "reversible" differ from the others by rounding, amplified by about 1 / v a module.
    """
    if keep == "reversible" and torch.is_grad_enabled():
        # Each tensor once: weights that several modules share get one gradient, summed up in place.
        flat = {id(t): t for c in group for t in (c.v, *c.reads, *c.parameters)}
        return _Reversible.apply(tuple(group), tuple(flat), x1, x2, *flat.values())
    for c in group:
        if keep == "checkpoint" and torch.is_grad_enabled():
            x1, x2 = checkpoint(c.forward, x1, x2, use_reentrant=False, preserve_rng_state=False)
        else:
            x1, x2 = c.forward(x1, x2)
    return x1, x2


class _Reversible(torch.autograd.Function):
    """A whole group; saves its outputs, and recomputes inputs module by module from the end."""

    @staticmethod
    def forward(
        ctx: Any, group: tuple[Coupling, ...], keys: tuple[int, ...], x1: Tensor, x2: Tensor, *flat: Tensor
    ) -> tuple[Tensor, Tensor]:
        # keys: ids of ``flat``, by which the couplings' references are found; saved tensors come back as new objects.
        ctx.group, ctx.keys, ctx.precision = group, keys, _Precision.now(x1.device.type)
        with ctx.precision.again():
            for c in group:
                x1, x2 = c.forward(x1, x2)
        # A group's output must be a new tensor: an input returned as it is would confuse autograd's bookkeeping.
        y1, y2 = x1, x2.clone() if len(group) == 1 else x2
        # Parameters are saved for their version counters alone: a weight changed in between is an error, not a
        # wrong gradient.
        ctx.save_for_backward(y1, y2, *flat)
        return y1, y2

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, dy1: Tensor, dy2: Tensor) -> tuple[Tensor | None, ...]:
        y1, y2, *flat = ctx.saved_tensors
        # Zeros, not None, for what no body read: DistributedDataParallel waits for a gradient of every parameter.
        sums = {key: torch.zeros_like(t) for key, t in zip(ctx.keys, flat, strict=True) if t.requires_grad}
        for c in reversed(ctx.group):
            with ctx.precision.again():
                y1, y2, dy1, dy2 = _undo(c, y1, y2, dy1, dy2, sums)
        return None, None, dy1, dy2, *(sums.get(key) for key in ctx.keys)


def _undo(
    c: Coupling, y1: Tensor, y2: Tensor, dy1: Tensor, dy2: Tensor, sums: dict[int, Tensor]
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """One module backwards: its inputs and their gradients; those of what it reads are added to ``sums``."""
    v = c.v.detach()
    x1 = y2.detach().requires_grad_()
    reads = [r.detach().requires_grad_(r.requires_grad) for r in c.reads]
    with torch.enable_grad():
        F = c.body(x1, *reads)
    read = [(id(original), copy) for original, copy in zip(c.reads, reads, strict=True) if copy.requires_grad]
    read += [(id(p), p) for p in c.parameters if p.requires_grad]
    gradients = torch.autograd.grad(F, [x1, *(t for _, t in read)], ((1 - v) * dy1).to(F.dtype), allow_unused=True)
    for (key, _), gradient in zip(read, gradients[1:], strict=True):
        if gradient is not None:
            sums[key] += gradient
    F = F.detach()
    x2 = (y1 - (1 - v) * F) / v
    if id(c.v) in sums:
        sums[id(c.v)] += (dy1 * (x2 - F)).sum()
    return x1.detach(), x2, dy2 if gradients[0] is None else dy2 + gradients[0], v * dy1


@dataclass(frozen=True)
class _Precision:
    """The autocast state of the forward pass, to be entered again in the backward pass.

    The cache of cast weights is off: a weight cast while gradients are off has no history, and would be found again
    by the recomputation.
    """

    device: str
    enabled: bool
    dtype: torch.dtype

    @classmethod
    def now(cls, device: str) -> _Precision:
        return cls(device, torch.is_autocast_enabled(device), torch.get_autocast_dtype(device))

    @contextlib.contextmanager
    def again(self) -> Iterator[None]:
        with torch.autocast(self.device, dtype=self.dtype, enabled=self.enabled, cache_enabled=False):
            yield
