"""The three ways to keep A x = y: exactly (DDNM), by one number, or by the singular values of A (DDNM+)."""

from __future__ import annotations

import torch
from torch import Generator, Tensor

from benchhost.physics import LinearPhysics
from benchhost.physics.operator import SpectralPhysics


class Exact:
    """DDNM: the range of A^T is that of A+ y, the null space that of x_0|t (eq. 13)."""

    def __init__(self, A: LinearPhysics, y: Tensor, *, eta: float) -> None:
        self.A, self.y, self.eta = A, y, eta

    def rectify(self, x0: Tensor, a: float, sigma: float) -> Tensor:
        """x0 - A+ (A x0 - y)."""
        return x0 - self.A.A_dagger(self.A.A(x0) - self.y)

    def spread(self, z: Tensor, e: Tensor, a: float, sigma: float) -> Tensor:
        """All the noise of the level."""
        return sigma * mix(z, e, self.eta)


class Scalar(Exact):
    """DDNM+ by one number (eq. 17 to 19): what A+ brings of the measurement's noise counts as part of the level's.

    sigma_y: standard deviation of A+ n per direction of the range, (B, 1, 1, 1) or a number.
    """

    def __init__(self, A: LinearPhysics, y: Tensor, sigma_y: Tensor | float, *, eta: float) -> None:
        super().__init__(A, y, eta=eta)
        self.sigma_y = torch.as_tensor(sigma_y, dtype=y.dtype, device=y.device)

    def rectify(self, x0: Tensor, a: float, sigma: float) -> Tensor:
        """x0 - lambda A+ (A x0 - y)."""
        return x0 - self._trust(a, sigma) * self.A.A_dagger(self.A.A(x0) - self.y)

    def spread(self, z: Tensor, e: Tensor, a: float, sigma: float) -> Tensor:
        """Noise of variance gamma = sigma^2 - (a lambda sigma_y)^2, which is 0 where lambda < 1."""
        gamma = (sigma**2 - (a * self.sigma_y) ** 2).clamp_min(0)
        return gamma.sqrt() * mix(z, e, self.eta)

    def _trust(self, a: float, sigma: float) -> Tensor:
        """lambda: 1 while the level has room for the noise, then so that it has (eq. 19)."""
        noise = a * self.sigma_y
        return torch.where(sigma >= noise, 1.0, sigma / torch.where(noise > 0, noise, 1.0))


class Spectral:
    """DDNM+ with a lambda and a gamma per singular value (the paper's appendix; V D V^T throughout).

    Directions that A+ leaves out (s = 0, or s <= rcond |A|) are null space.
    """

    def __init__(self, A: SpectralPhysics, y: Tensor, sigma_y: float, *, eta: float) -> None:
        s = A.singular_values
        self.A, self.eta = A, eta
        self.seen = s > A.rcond * A.norm
        inverse = torch.where(self.seen, 1 / torch.where(self.seen, s, 1), 0)
        self.measured = inverse * A.U_adjoint(y)  # V^T A+ y
        self.noise = sigma_y * inverse  # standard deviation of its noise

    def rectify(self, x0: Tensor, a: float, sigma: float) -> Tensor:
        """x0 - V lambda V^T A+ (A x0 - y)."""
        noise = a * self.noise
        weak = sigma * (1 - self.eta**2) ** 0.5 / torch.where(noise > 0, noise, 1)
        trust = torch.where(self.seen, torch.where(sigma >= noise, 1.0, weak), 0.0)
        return x0 - self.A.V(trust * (self.A.V_adjoint(x0) - self.measured))

    def spread(self, z: Tensor, e: Tensor, a: float, sigma: float) -> Tensor:
        """The network's noise has a share in the null space only: in the range the measurement's own stands for it."""
        room = (sigma**2 - (a * self.noise) ** 2).clamp_min(0).sqrt()
        fresh = torch.where(self.seen & (sigma >= a * self.noise), room, sigma * self.eta)
        kept = sigma * (1 - self.eta**2) ** 0.5 * (~self.seen).to(z.dtype)
        return self.A.V(fresh * self.A.V_adjoint(z) + kept * self.A.V_adjoint(e))


def mix(z: Tensor, e: Tensor, eta: float) -> Tensor:
    """Fresh noise and the network's, together of variance 1."""
    return eta * z + (1 - eta**2) ** 0.5 * e


def noise_gain(A: LinearPhysics, like: Tensor) -> Tensor:
    """Standard deviation of A+ n per direction of the range, for white n of variance 1: (B, 1, 1, 1).

    sqrt(tr(A+ A+^T) / tr(A+ A)): 1 where the rows of A are orthonormal, which is the paper's case; more where A+ has to
    raise what A lowers.  From the singular values, or from white probes that are the same for every sample.
    """
    if isinstance(A, SpectralPhysics):
        s = A.singular_values
        seen = s > A.rcond * A.norm
        return (1 / s[seen] ** 2).mean().sqrt().reshape(1, 1, 1, 1)
    n = _probe(A.out_shape, 0, like)
    x = _probe(A.in_shape, 1, like)
    power = A.A_dagger(n).square().flatten(1).sum(1)
    rank = (x * A.A_dagger(A.A(x))).flatten(1).sum(1)
    return (power / rank).sqrt().reshape(-1, 1, 1, 1)


def _probe(shape: tuple[int, ...], seed: int, like: Tensor) -> Tensor:
    one = torch.randn((1, *shape), generator=Generator().manual_seed(seed)).to(like)
    return one.expand(len(like), *shape)
