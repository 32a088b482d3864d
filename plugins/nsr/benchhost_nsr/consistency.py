"""Inverses of a measurement: the image that a network starts from, and the step that returns to what was measured."""

from __future__ import annotations

import torch
from torch import Tensor

from benchhost.physics import LinearPhysics
from benchhost.physics.solvers import cgls, prox_cg

SIGNAL = 0.5  # standard deviation of images in [-1, 1], against which noise is weighed
START, STEPS = 20, 5  # of conjugate gradients where an inverse has no closed form: for A+ y, and for a correction


def invert(physics: LinearPhysics, r: Tensor, sigma: float, *, spread: Tensor | float, steps: int) -> Tensor:
    """A+ r for exact data; with noise argmin |A x - r|^2 / sigma^2 + |x|^2 / spread^2: (B, *out_shape) -> (B, C, H, W).

    With noise A+ would raise it by the smallest singular value that it keeps.  Where A has no pseudo-inverse in closed
    form it is ``steps`` conjugate gradients from zero.
    """
    closed = physics.pinv_kind == "exact"
    if not sigma:
        return physics.A_dagger(r) if closed else cgls(physics.A, physics.A_adjoint, r, iterations=steps)
    zero = torch.zeros(len(r), *physics.in_shape, dtype=r.dtype, device=r.device)
    tau = torch.as_tensor((spread / sigma) ** 2, dtype=r.dtype, device=r.device)
    if closed:
        return physics.prox(zero, r, tau.expand(len(r)))
    return prox_cg(physics.A, physics.A_adjoint, zero, r, tau.expand(len(r))[:, None, None, None], iterations=steps)


def start(physics: LinearPhysics, y: Tensor, sigma: float) -> Tensor:
    """A+ y of images in [-1, 1]."""
    return invert(physics, y, sigma, spread=SIGNAL, steps=START)


def correct(physics: LinearPhysics, x: Tensor, y: Tensor, sigma: float, rho: Tensor) -> Tensor:
    """x + A+ (y - A x) for exact data; with noise nearer to x, the smaller its error ``rho`` (a deviation)."""
    return x + invert(physics, y - physics.A(x), sigma, spread=rho, steps=STEPS)
