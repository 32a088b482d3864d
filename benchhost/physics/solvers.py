"""Iterative solvers with a fixed count and per-sample scalars, so that a sample's result never depends on its batch."""

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


def cgls(A: Map, A_adjoint: Map, y: Tensor, *, iterations: int) -> Tensor:
    """The ``iterations``-th CGLS iterate for min |A x - y|, from zero (Hestenes and Stiefel, 1952).

    Started from zero the iterates stay in the range of A^T, so the limit is the pseudo-inverse.
    """
    r = y
    s = A_adjoint(r)
    x = torch.zeros_like(s)
    p, gamma = s, _dot(s, s)
    for _ in range(iterations):
        q = A(p)
        alpha = _ratio(gamma, _dot(q, q).reshape(gamma.shape))
        x = x + alpha * p
        r = r - alpha.reshape(-1, *[1] * (r.ndim - 1)) * q
        s = A_adjoint(r)
        gamma, previous = _dot(s, s), gamma
        p = s + _ratio(gamma, previous) * p
    return x


def prox_cg(A: Map, A_adjoint: Map, z: Tensor, y: Tensor, tau: Tensor, *, iterations: int = 50) -> Tensor:
    """argmin_x tau/2 |A x - y|^2 + 1/2 |x - z|^2 by conjugate gradients from z: (I + tau A^T A) x = z + tau A^T y."""

    def normal(v: Tensor) -> Tensor:
        return v + tau * A_adjoint(A(v))

    x = z
    r = tau * A_adjoint(y - A(z))  # = b - normal(z)
    p, rho = r, _dot(r, r)
    for _ in range(iterations):
        q = normal(p)
        alpha = _ratio(rho, _dot(p, q))
        x, r = x + alpha * p, r - alpha * q
        rho, previous = _dot(r, r), rho
        p = r + _ratio(rho, previous) * p
    return x


def spectral_norm(A: Map, A_adjoint: Map, x: Tensor, *, iterations: int = 100) -> float:
    """Largest singular value by power iteration from ``x`` (1, ...), which should have no special symmetry."""
    v = x / x.norm()
    value = 0.0
    for _ in range(iterations):
        w = A_adjoint(A(v))
        value = float(w.norm())
        v = w / value
    return value**0.5
