"""What the operator contract probes with: every call of an operator, random arguments for it, and norms per sample."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor

from benchhost.physics import LinearPhysics, Physics


def calls(A: Physics) -> list[tuple[str, Callable[..., Tensor], tuple, tuple]]:
    """(name, call, shapes of its tensor arguments, shape of its result) of everything ``A`` can do."""
    image, data = A.in_shape, A.out_shape
    known = [("A", A.A, (image,), data), ("baseline", A.baseline, (data,), image)]
    if isinstance(A, LinearPhysics):
        known += [("A_adjoint", A.A_adjoint, (data,), image), ("prox", A.prox, (image, data), image)]
        if A.pinv_kind != "none":
            known.append(("A_dagger", A.A_dagger, (data,), image))
    return known


def inputs(A: Physics, name: str, rng: Generator, dtype: torch.dtype, batch: int) -> list[Tensor]:
    """Random arguments for a call; non-linear operators get images and data in [0, 1]."""
    shapes = {call: shapes for call, _, shapes, _ in calls(A)}[name]
    values = [draw(shape, rng, dtype, batch, uniform=not A.linear) for shape in shapes]
    return [*values, torch.linspace(0.5, 2, batch, dtype=dtype)] if name == "prox" else values


def draw(shape: tuple, rng: Generator, dtype: torch.dtype, batch: int, *, uniform: bool = False) -> Tensor:
    """White Gaussian (or uniform) samples, the same numbers in every precision: (batch, *shape)."""
    make = torch.rand if uniform else torch.randn
    return make(batch, *shape, generator=rng, dtype=torch.float64).to(dtype)


def norm(x: Tensor) -> Tensor:
    """Euclidean norm per sample, in float64: (B, ...) -> (B,)."""
    return x.double().flatten(1).norm(dim=1)


def inner(a: Tensor, b: Tensor) -> Tensor:
    """Inner product per sample, in float64: (B, ...) x (B, ...) -> (B,)."""
    return (a.double() * b.double()).flatten(1).sum(1)


def relative(error: Tensor, scale: Tensor) -> float:
    """|error| / |scale| over the whole batch."""
    return float(error.norm() / scale.norm().clamp_min(torch.finfo(scale.dtype).tiny))


def tensors(A: Physics) -> dict[str, Tensor]:
    """Copies of the operator's own tensors, by attribute name."""
    return {name: value.clone() for name, value in vars(A).items() if isinstance(value, Tensor)}
