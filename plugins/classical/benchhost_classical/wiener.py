"""The Wiener filter for any linear A: the posterior mean under a stationary Gaussian prior.

x = m + S A^T (A S A^T + sigma^2 I)^-1 (y - A m), where S is diagonal in the DCT (a stationary image mirrored at its
border) with the mean power spectrum of training images (:mod:`benchhost_classical.spectra`).  Wiener, 1949; the
power law of natural images: Field, J. Opt. Soc. Am. A 1987.  Closed form for denoising; for other operators least
squares in the whitened image, u = S^-1/2 (x - m), by CGLS.  Where sigma = 0 it is the likeliest image with A x = y.
"""

from __future__ import annotations

import time

import torch
from torch import Tensor

from benchhost.physics import LinearPhysics
from benchhost.physics.diagonal import Identity
from benchhost.types import Problem
from benchhost_classical.dct import dct_matrix
from benchhost_classical.params import WienerParams
from benchhost_classical.spectra import SPECTRA, choose
from benchhost_classical.tv import peak_modulus


class Wiener:
    """Posterior mean under the Gaussian prior of one kind of image."""

    def __init__(self, params: WienerParams) -> None:
        self.params = params

    @torch.no_grad()
    def reconstruct(self, problem: Problem) -> Tensor:
        """(B, C, H, W); not clipped to the value range, which a Gaussian does not know."""
        p, physics = self.params, problem.physics
        unit = 1.0
        if problem.value_range is None:  # the spectra are those of images with peak 1
            unit = peak_modulus(physics.baseline(problem.y), complex_image=problem.complex_image)
        y, sigma = problem.y / unit, problem.sigma / unit
        name = (
            choose(problem.task, problem.image_shape[0], problem.complex_image) if p.spectrum == "auto" else p.spectrum
        )
        prior = StationaryPrior(name, problem.image_shape).to(y)
        mean = torch.full((len(y), *problem.image_shape), prior.mean).to(y)
        if isinstance(physics, Identity):
            return unit * (mean + prior.shrink(y - mean, sigma))
        u = damped_cgls(
            physics,
            prior,
            y - physics.A(mean),
            sigma,
            tolerance=p.tolerance,
            iterations=p.iterations,
            deadline=problem.deadline,
        )
        return unit * (mean + prior.colour(u))


class StationaryPrior:
    """Gaussian images whose DCT coefficients are independent, with the variances of a power law.

    name: of an entry of ``SPECTRA``; a table of one law serves any number of channels, one of three laws an image of
        three channels, decorrelated by the 3-point DCT.
    """

    def __init__(self, name: str, image_shape: tuple[int, int, int]) -> None:
        channels, H, W = image_shape
        spectrum = SPECTRA[name]
        if len(spectrum.laws) not in (1, channels):
            raise ValueError(f"spectrum '{name}' is for {len(spectrum.laws)} channels; the image has {channels}")
        self.mean = spectrum.mean
        self.rows, self.columns = dct_matrix(H), dct_matrix(W)
        self.mix = dct_matrix(channels) if len(spectrum.laws) > 1 else torch.eye(channels, dtype=torch.float64)
        f2 = (torch.arange(H)[:, None] / (2 * H)) ** 2 + (torch.arange(W)[None] / (2 * W)) ** 2
        # The mean over the image has no place in a power law; half the lowest frequency stands in for its 0.
        f2[0, 0] = (1 / (4 * max(H, W))) ** 2
        laws = spectrum.laws * channels if len(spectrum.laws) == 1 else spectrum.laws
        self.variance = torch.stack([law.amplitude * f2.double() ** (-law.exponent / 2) for law in laws])

    def to(self, like: Tensor) -> StationaryPrior:
        """The same prior in the dtype and on the device of ``like``."""
        for name in ("rows", "columns", "mix", "variance"):
            setattr(self, name, getattr(self, name).to(like))
        return self

    def shrink(self, y: Tensor, sigma: float) -> Tensor:
        """Posterior mean of a centred image in white noise, (B, C, H, W)."""
        return self._inverse(self._forward(y) * (self.variance / (self.variance + sigma**2)))

    def colour(self, u: Tensor) -> Tensor:
        """S^1/2 u: white coefficients (B, C, H, W) to an image with the prior's covariance."""
        return self._inverse(self.variance.sqrt() * u)

    def colour_adjoint(self, x: Tensor) -> Tensor:
        """Adjoint of :meth:`colour`."""
        return self.variance.sqrt() * self._forward(x)

    def _forward(self, x: Tensor) -> Tensor:
        return torch.einsum("ij,bjhw->bihw", self.mix, self.rows @ x @ self.columns.T)

    def _inverse(self, c: Tensor) -> Tensor:
        return self.rows.T @ torch.einsum("ji,bjhw->bihw", self.mix, c) @ self.columns


def damped_cgls(
    physics: LinearPhysics,
    prior: StationaryPrior,
    r: Tensor,
    sigma: float,
    *,
    tolerance: float,
    iterations: int,
    deadline: float | None = None,
) -> Tensor:
    """min_u |A S^1/2 u - r|^2 + sigma^2 |u|^2 from zero: (B, *out_shape) -> (B, C, H, W).

    Bjorck, Numerical Methods for Least Squares Problems, 1996, algorithm 7.4.1, damped.  A sample whose gradient has
    fallen by ``tolerance`` is left as it is, so that its result does not depend on its batch.
    """
    s = prior.colour_adjoint(physics.A_adjoint(r))
    u, p, gamma = torch.zeros_like(s), s, _energy(s)
    goal = tolerance**2 * gamma
    for _ in range(iterations):
        running = gamma > goal
        if not bool(running.any()) or (deadline is not None and time.monotonic() >= deadline):
            break
        q = physics.A(prior.colour(p))
        curvature = _energy(q) + sigma**2 * _energy(p)
        step = torch.where(running, gamma / curvature.clamp(min=torch.finfo(r.dtype).tiny), 0)
        u = u + _like(step, u) * p
        r = r - _like(step, r) * q
        s = prior.colour_adjoint(physics.A_adjoint(r)) - sigma**2 * u
        gamma, previous = torch.where(running, _energy(s), gamma), gamma
        p = torch.where(_like(running, p), s + _like(gamma / previous.clamp(min=torch.finfo(r.dtype).tiny), p) * p, p)
    return u


def _energy(v: Tensor) -> Tensor:
    """Squared norm per sample, (B,)."""
    return v.pow(2).flatten(1).sum(1)


def _like(value: Tensor, v: Tensor) -> Tensor:
    return value.reshape(-1, *[1] * (v.ndim - 1))
