"""What the network is told of the measurement: the operator with its inverse, in the prior's range of [-1, 1]."""

from __future__ import annotations

import torch
from torch import Tensor

from benchhost.nets.scale import UNIT, Scale
from benchhost.physics import LinearPhysics
from benchhost.physics.solvers import cgls, prox_cg

SIGNAL = 0.5  # standard deviation of images in [-1, 1], against which noise is weighed
STEPS = 5  # of conjugate gradients, where an inverse has no closed form


class DataTerm:
    """The measurement of images in [-1, 1]: y' = (y - A(m)) / h with noise sigma / h, for images m + h x'.

    ``inverse`` is A+ for exact data.  With noise it is regularised, argmin |A x - r|^2 / sigma^2 + |x|^2 / SIGNAL^2:
    A+ itself would raise the noise by the smallest singular value that it keeps.  Where A has no pseudo-inverse in
    closed form it is a fixed count of conjugate gradients from zero, which never raises an error, as filtered
    back-projection of few views does.

    y, sigma: as in the problem.  scale: of its images.
    """

    def __init__(self, physics: LinearPhysics, y: Tensor, sigma: float, scale: Scale = UNIT) -> None:
        self.physics, self.sigma, self.scale = physics, sigma / scale.half, scale
        self.y = scale.measurement(physics, y)
        self.closed = physics.pinv_kind == "exact"
        self.start = self.inverse(self.y, steps=4 * STEPS)  # done once, so it may cost more

    def inverse(self, r: Tensor, *, steps: int = STEPS) -> Tensor:
        """(B, *out_shape) -> (B, C, H, W)."""
        physics = self.physics
        if self.closed and not self.sigma:
            return physics.A_dagger(r)
        zero = torch.zeros(len(r), *physics.in_shape, dtype=r.dtype, device=r.device)
        if self.closed:
            return physics.prox(zero, r, (SIGNAL / self.sigma) ** 2)
        if not self.sigma:
            return cgls(physics.A, physics.A_adjoint, r, iterations=steps)
        tau = torch.full((1, 1, 1, 1), (SIGNAL / self.sigma) ** 2, dtype=r.dtype, device=r.device)
        return prox_cg(physics.A, physics.A_adjoint, zero, r, tau, iterations=steps)

    def normal(self, f: Tensor) -> Tensor:
        """A+ A f: the part of an image that the measurement sees: (B, C, H, W) -> (B, C, H, W).

        For projections A+ is filtered back-projection here: a feature need not be exact, and the network asks often.
        """
        seen = self.physics.A(f)
        return self.physics.fbp(seen) if hasattr(self.physics, "fbp") else self.inverse(seen)

    def correct(self, x0: Tensor, rho: Tensor) -> Tensor:
        """Bring an estimate into line with the measurement: x0 - A+ (A x0 - y') for exact data, as in DDNM.

        With noise, the proximal step of an estimate whose error has standard deviation ``rho``, shape (1,): it tends to
        the former as rho / sigma grows.  Eq. 19 of DDNM is its scalar form, up to the choice of the weight.
        """
        physics = self.physics
        if self.closed and self.sigma:
            return physics.prox(x0, self.y, (rho / self.sigma).square().expand(len(x0)))
        # 1 for exact data; written out, so that rho is read either way.
        trust = rho.square() / (rho.square() + self.sigma**2)
        return x0 - trust * self.inverse(physics.A(x0) - self.y)
