"""Iterative solvers with a fixed count and per-sample scalars, so that a sample's result never depends on its batch."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Map = Callable[[Tensor], Tensor]


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product per sample: (B, ...) x (B, ...) -> (B, 1, 1, ...)."""
    return (a * b).flatten(1).sum(1).reshape(-1, *[1] * (a.ndim - 1))


def _ratio(a: Tensor, b: Tensor) -> Tensor:
    """a / b, and 0 where b is 0: a sample that has converged exactly stays where it is."""
    return torch.where(b > 0, a / torch.where(b > 0, b, 1), 0)


def cgls(A: Map, A_adjoint: Map, y: Tensor, *, iterations: int, reorthogonalise: bool = False) -> Tensor:
    """The ``iterations``-th CGLS iterate for min |A x - y|, from zero (Hestenes and Stiefel, 1952).

    Started from zero the iterates stay in the range of A^T, so the limit is the pseudo-inverse.

    reorthogonalise: keep each gradient orthogonal to all before it, as in exact arithmetic.  Where a few singular
    values stand far above the rest, plain CGLS multiplies rounding errors by their ratio in every step, and after 20
    steps the result depends on how a sum was rounded.  Holds ``iterations`` images in memory.
    """
    r = y
    s = A_adjoint(r)
    x = torch.zeros_like(s)
    p, gamma = s, _dot(s, s)
    seen: list[Tensor] = []
    for _ in range(iterations):
        if reorthogonalise:
            seen.append(s * _ratio(torch.ones_like(gamma), gamma.sqrt()))
        q = A(p)
        alpha = _ratio(gamma, _dot(q, q).reshape(gamma.shape))
        x = x + alpha * p
        r = r - alpha.reshape(-1, *[1] * (r.ndim - 1)) * q
        s = A_adjoint(r)
        for direction in seen:
            s = s - _dot(s, direction) * direction
        gamma, previous = _dot(s, s), gamma
        p = s + _ratio(gamma, previous) * p
    return x


def prox_cg(
    A: Map,
    A_adjoint: Map,
    z: Tensor,
    y: Tensor,
    tau: Tensor,
    *,
    iterations: int | Tensor | None = None,
    norm: float = 1.0,
) -> Tensor:
    """argmin_x tau/2 |A x - y|^2 + 1/2 |x - z|^2 by conjugate gradients from z: (I + tau A^T A) x = z + tau A^T y.

    tau: (1 or B, 1, ...).  iterations: per sample; None takes :func:`prox_iterations`, which follows from tau and norm.
    """
    if iterations is None:
        iterations = prox_iterations(tau, norm, dtype=z.dtype)
    count = torch.as_tensor(iterations, device=z.device).reshape(-1, *[1] * (z.ndim - 1))

    def normal(v: Tensor) -> Tensor:
        return v + tau * A_adjoint(A(v))

    x = z
    r = tau * A_adjoint(y - A(z))  # = b - normal(z)
    p, rho = r, _dot(r, r)
    for k in range(int(count.max())):
        q = normal(p)
        # A sample that has had its own count stands still, whatever the rest of the batch still needs.
        alpha = torch.where(k < count, _ratio(rho, _dot(p, q)), 0)
        x, r = x + alpha * p, r - alpha * q
        rho, previous = _dot(r, r), rho
        p = r + _ratio(rho, previous) * p
    return x


def prox_iterations(tau: Tensor, norm: float, *, dtype: torch.dtype) -> Tensor:
    """Conjugate gradient steps for the prox to reach the precision of ``dtype``, one count per entry of ``tau``.

    The error after k steps is at most 2 q^k with q = (sqrt(kappa) - 1) / (sqrt(kappa) + 1), kappa = 1 + tau norm^2
    (Saad, Iterative Methods for Sparse Linear Systems, eq. 6.128); 500 steps at most.
    """
    kappa = 1 + tau.double() * norm**2
    root = kappa.sqrt()
    rate = torch.log((root + 1) / (root - 1).clamp_min(1e-12))
    digits = 16.0 if dtype == torch.float64 else 8.0
    return ((digits * math.log(10) + math.log(2)) / rate).ceil().clamp(1, 500).long()
