"""Total variation and the primal-dual iteration that minimises it under a linear measurement.

Chambolle and Pock, "A first-order primal-dual algorithm for convex problems with applications to imaging", JMIV 2011
(doi:10.1007/s10851-010-0251-1), over-relaxed as in Condat, JOTA 2013, with the residual balancing of Goldstein, Li and
Yuan, "Adaptive primal-dual splitting methods", NeurIPS 2015.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from benchhost.physics import LinearPhysics

CHECK_EVERY = 10
RELAXATION = 1.7  # any value in (0, 2) converges; near 2 is fastest (measured on CS, inpainting, denoising and CT)
DATA_SHARE = 0.7  # of the step length budget when the data term has a dual variable
GRADIENT_NORM2 = 8.0  # bound of |D|^2 in two dimensions
SAFETY = 0.998  # the operator's norm may be 0.1 % below its bound
FIRST_STEP = 0.02  # in image units: a typical step between neighbouring pixels
EXCHANGE = 0.1  # image units per unit of dual variable, for comparing the two residuals (measured like RELAXATION)


def gradient(x: Tensor) -> Tensor:
    """Forward differences with Neumann boundary: (B, C, H, W) -> (2, B, C, H, W), zero in the last row and column."""
    g = x.new_zeros((2, *x.shape))
    torch.sub(x[..., 1:, :], x[..., :-1, :], out=g[0, ..., :-1, :])
    torch.sub(x[..., 1:], x[..., :-1], out=g[1, ..., :-1])
    return g


def gradient_adjoint(p: Tensor) -> Tensor:
    """Adjoint of :func:`gradient` for fields that are zero where it is: (2, B, C, H, W) -> (B, C, H, W)."""
    out = -p[0] - p[1]
    out[..., 1:, :] += p[0, ..., :-1, :]
    out[..., 1:] += p[1, ..., :-1]
    return out


def magnitude(p: Tensor) -> Tensor:
    """Length of the gradient of all channels together: (2, B, C, H, W) -> (B, 1, H, W).

    Joint over channels this is the vectorial TV of Bresson and Chan (2008); for the two channels of a complex image it
    is the modulus of the complex gradient.
    """
    # torch.linalg.vector_norm over dimensions (0, 2) says the same and takes twenty times as long.
    squares = torch.mul(p[0], p[0]).addcmul_(p[1], p[1])
    return (squares if squares.shape[1] == 1 else squares.sum(1, keepdim=True)).sqrt_()


def total_variation(x: Tensor) -> Tensor:
    """Isotropic total variation of each sample: (B, C, H, W) -> (B,)."""
    return magnitude(gradient(x)).flatten(1).sum(1)


def project(p: Tensor) -> Tensor:
    """Onto the dual unit ball, pixel by pixel, in place."""
    return p.div_(magnitude(p).clamp_(min=1.0))


@dataclass(frozen=True, kw_only=True)
class Solution:
    """Where the iteration stopped.

    estimate: (B, C, H, W).  dual: (2, B, C, H, W), in the unit ball.  iterations: how many were run.
    residual: (B,), the larger of the two optimality residuals per pixel (see :func:`minimise`).
    """

    estimate: Tensor
    dual: Tensor
    iterations: int
    residual: Tensor


class _ProxForm:
    """Data term by its closed-form proximal map; the range constraint, if any, has a dual variable of its own."""

    def __init__(self, physics: LinearPhysics, y: Tensor, weight: Tensor, box: tuple[float, float] | None) -> None:
        self.physics, self.y, self.weight, self.box = physics, y, weight, box
        self.equality = bool((weight == 0).all())
        self.norm2 = GRADIENT_NORM2 + (1.0 if box else 0.0)

    def start(self, x: Tensor) -> Tensor:
        return torch.zeros_like(x)

    def adjoint(self, q: Tensor) -> Tensor:
        return q

    def forward(self, x: Tensor) -> Tensor:
        return x if self.box else torch.zeros_like(x)

    def primal(self, z: Tensor, tau: Tensor) -> Tensor:
        if self.equality:
            return z + self.physics.A_dagger(self.y - self.physics.A(z))
        return self.physics.prox(z, self.y, (tau / self.weight).flatten())

    def dual(self, q: Tensor, ahead: Tensor, sigma: Tensor) -> Tensor:
        if not self.box:
            return q
        v = q + sigma * ahead
        return v - sigma * (v / sigma).clamp_(*self.box)  # Moreau: prox of the support function of the box

    def steps(self, tau: Tensor) -> tuple[Tensor, Tensor]:
        sigma = SAFETY / (tau * self.norm2)
        return sigma, sigma


class _DualForm:
    """Data term by a dual variable: one A and one A_adjoint per iteration, no system to solve."""

    def __init__(self, physics: LinearPhysics, y: Tensor, weight: Tensor, box: tuple[float, float] | None) -> None:
        self.physics, self.y, self.weight, self.box = physics, y, weight, box

    def start(self, x: Tensor) -> Tensor:
        return torch.zeros_like(self.y)

    def adjoint(self, q: Tensor) -> Tensor:
        return self.physics.A_adjoint(q)

    def forward(self, x: Tensor) -> Tensor:
        return self.physics.A(x)

    def primal(self, z: Tensor, tau: Tensor) -> Tensor:
        return z.clamp_(*self.box) if self.box else z

    def dual(self, q: Tensor, ahead: Tensor, sigma: Tensor) -> Tensor:
        weight, sigma = _like(self.weight, q), _like(sigma, q)
        return (q + sigma * (ahead - self.y)) / (1 + sigma * weight)

    def steps(self, tau: Tensor) -> tuple[Tensor, Tensor]:
        budget = SAFETY / tau
        return (1 - DATA_SHARE) * budget / GRADIENT_NORM2, DATA_SHARE * budget / self.physics.norm**2


def has_closed_form(physics: LinearPhysics) -> bool:
    """Whether ``prox`` and ``A_dagger`` cost about as much as ``A``."""
    return physics.pinv_kind == "exact" and type(physics)._prox is not LinearPhysics._prox


def minimise(
    physics: LinearPhysics,
    y: Tensor,
    weight: float,
    *,
    start: Tensor,
    box: tuple[float, float] | None = None,
    tolerance: float = 1e-4,
    max_iterations: int = 2000,
    deadline: float | None = None,
    watch: Callable[[int, Tensor], None] | None = None,
) -> Solution:
    """min_x 1/2 |A x - y|^2 + weight TV(x), or min TV(x) subject to A x = y where ``weight`` is 0.

    y: (B, *physics.out_shape).  start: (B, *physics.in_shape), any image.  box: interval that x is held in.
    tolerance: stop when both optimality residuals are below it: root mean squares, in image units, of a member of the
        dual subdifferential, and of ``EXCHANGE`` times one of the primal subdifferential of the problem divided by
        ``weight``, whose dual variables have length at most 1.  A sample that has stopped is left as it is, so that
        its result does not depend on the batch.
    deadline: seconds of :func:`time.monotonic` at which the iterate so far is returned.
    watch: called with (iterations, estimate) every ``CHECK_EVERY`` = 10 iterations.
    """
    shape = (len(start), 1, 1, 1)
    level = torch.full(shape, float(weight), dtype=start.dtype, device=start.device)
    form = (_ProxForm if has_closed_form(physics) else _DualForm)(physics, y, level, box)
    tau = torch.full(shape, FIRST_STEP, dtype=start.dtype, device=start.device)
    eagerness = torch.full_like(tau, 0.5)
    x, p, q = start.clone(), gradient(start).mul_(0), form.start(start)
    running = torch.ones(len(start), dtype=torch.bool, device=start.device)
    residual = torch.full((len(start),), torch.inf, dtype=start.dtype, device=start.device)
    estimate, dual, k = start, p, 0
    while k < max_iterations and bool(running.any()):
        k += 1
        sigma_p, sigma_q = form.steps(tau)
        x_new = form.primal(x - tau * (gradient_adjoint(p) + form.adjoint(q)), tau)
        ahead = 2 * x_new - x
        p_new = project(torch.addcmul(p, sigma_p, gradient(ahead)))
        q_new = form.dual(q, form.forward(ahead), sigma_q)
        dx, dp, dq = x - x_new, p - p_new, q - q_new
        if k % CHECK_EVERY == 0 or k == max_iterations:
            # The steps' optimality conditions name a member of each subdifferential at (x_new, p_new, q_new).
            primal = EXCHANGE * _rms(dx / tau - gradient_adjoint(dp) - form.adjoint(dq))
            ahead_q = dq / _like(sigma_q, dq) - form.forward(dx)
            second = torch.maximum(_rms(dp / sigma_p - gradient(dx), samples=1), _rms(ahead_q))
            residual = torch.where(running, torch.maximum(primal, second), residual)
            keep = (~running).reshape(shape)
            estimate, dual = torch.where(keep, estimate, x_new), torch.where(keep, dual, p_new)
            running = running & (residual > tolerance)
            if watch:
                watch(k, estimate)
            if deadline is not None and time.monotonic() >= deadline:
                break
            tau, eagerness = _balance(tau, eagerness, primal.reshape(shape), second.reshape(shape))
        x, p, q = x.sub_(dx, alpha=RELAXATION), p.sub_(dp, alpha=RELAXATION), q.sub_(dq, alpha=RELAXATION)
    return Solution(estimate=estimate, dual=dual, iterations=k, residual=residual)


def _balance(tau: Tensor, eagerness: Tensor, primal: Tensor, dual: Tensor) -> tuple[Tensor, Tensor]:
    """Goldstein et al.: shift step length to the side that lags; ever less, so that convergence is kept."""
    lag = torch.where(primal > 2 * dual, 1 / (1 - eagerness), torch.where(dual > 2 * primal, 1 - eagerness, 1.0))
    return tau * lag, torch.where(lag == 1, eagerness, 0.95 * eagerness)


def _rms(v: Tensor, samples: int = 0) -> Tensor:
    """Root mean square per sample, (..., B at ``samples``, ...) -> (B,)."""
    v = v.movedim(samples, 0).flatten(1)
    return torch.linalg.vector_norm(v, dim=1) / v.shape[1] ** 0.5


def _like(value: Tensor, v: Tensor) -> Tensor:
    """A per-sample number (B, 1, 1, 1) shaped to broadcast against ``v``."""
    return value.reshape(-1, *[1] * (v.ndim - 1))
