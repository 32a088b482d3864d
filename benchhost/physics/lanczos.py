"""Largest singular value by Lanczos: far fewer products than power iteration where the spectrum is crowded on top."""

from __future__ import annotations

import torch
from torch import Tensor

from benchhost.physics.solvers import Map


def lanczos_norm(
    A: Map, A_adjoint: Map, x: Tensor, *, enough: float = float("inf"), tolerance: float = 1e-6, steps: int = 120
) -> float:
    """Largest singular value of A, from the start ``x`` (1, ...); a generic start is needed, as for power iteration.

    Lanczos on A^T A with full reorthogonalisation (Golub and Van Loan, ch. 10).  Stops once the residual of the Ritz
    pair is below ``tolerance`` of its value, or the value, always a lower bound, reaches ``enough``.
    """
    v = (x / x.norm()).flatten()
    basis, diagonal, off = [v], [], []
    theta = residual = 0.0
    for _ in range(min(steps, v.numel())):
        w = A_adjoint(A(v.reshape(x.shape))).flatten()
        diagonal.append(float(torch.dot(w, v)))
        Q = torch.stack(basis)
        w = w - Q.T @ (Q @ w)
        w = w - Q.T @ (Q @ w)  # twice is enough (Kahan and Parlett)
        beta = float(w.norm())
        T = torch.diag(torch.tensor(diagonal, dtype=torch.float64))
        T += sum(torch.diag(torch.tensor(off, dtype=torch.float64), k) for k in (-1, 1)) if off else 0
        values, vectors = torch.linalg.eigh(T)
        theta, residual = float(values[-1]), beta * abs(float(vectors[-1, -1]))
        if theta**0.5 >= enough or residual <= tolerance * theta:
            break
        off.append(beta)
        v = w / beta
        basis.append(v)
    return max(theta, 0.0) ** 0.5
