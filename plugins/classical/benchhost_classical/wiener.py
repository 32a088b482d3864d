"""The Wiener filter for any linear A: the posterior mean under a stationary Gaussian prior.

x = m + S A^T (A S A^T + sigma^2 I)^-1 (y - A m), where S is diagonal in the DCT (a stationary image mirrored at its
border) with the mean power spectrum of training images (:mod:`benchhost_classical.spectra`).  Wiener, 1949; the
power law of natural images: Field, J. Opt. Soc. Am. A 1987.  Closed form for denoising; for other operators conjugate
gradients in the whitened image u = S^-1/2 (x - m), preconditioned where A^T A is nearly diagonal in frequency.
"""

from __future__ import annotations

import math
import time

import torch
from torch import Tensor

from benchhost.physics import LinearPhysics
from benchhost.physics.diagonal import Identity
from benchhost.types import Problem
from benchhost_classical.dct import dct_matrix
from benchhost_classical.params import WienerParams
from benchhost_classical.spectra import SPECTRA, choose
from benchhost_classical.tv import peak_modulus, white_gain

LEAST_NOISE = 1e-3  # of the range, per pixel: what rounding to 8 bits leaves; exact data are treated as this good
STATIONARY = 0.5  # largest part of A^T A off its diagonal in frequency for which the diagonal is a preconditioner


class Wiener:
    """Posterior mean under the Gaussian prior of one kind of image."""

    def __init__(self, params: WienerParams) -> None:
        self.params = params

    @torch.no_grad()
    def reconstruct(self, problem: Problem) -> Tensor:
        """(B, C, H, W); not clipped to the value range, which a Gaussian does not know.

        Computed in float64, where conjugate gradients need half as many iterations as in float32.  Where values have
        no fixed range the spectrum is that of images with peak 1, and one number scales the batch.
        """
        p, shape = self.params, problem.image_shape
        physics = problem.physics.to(dtype=torch.float64)
        unit = 1.0
        if problem.value_range is None:
            baseline = problem.physics.baseline(problem.y)
            unit = peak_modulus(baseline, complex_image=problem.complex_image)
        y, sigma = problem.y.double() / unit, problem.sigma / unit
        name = choose(problem.task, shape[0], problem.complex_image) if p.spectrum == "auto" else p.spectrum
        prior = StationaryPrior(name, shape).to(y)
        mean = torch.full((1, *shape), prior.mean).to(y)
        if isinstance(physics, Identity):
            x = mean + prior.shrink(y - mean, sigma)
        else:
            sigma = max(sigma, LEAST_NOISE * white_gain(physics, y) ** 0.5)
            centred = y - physics.A(mean)
            u = posterior_mode(
                physics,
                prior,
                centred,
                sigma,
                tolerance=p.tolerance,
                iterations=p.iterations,
                deadline=problem.deadline,
            )
            x = mean + prior.colour(u)
        return (unit * x).to(problem.y.dtype)


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
        return self.inverse(self.forward(y) * (self.variance / (self.variance + sigma**2)))

    def colour(self, u: Tensor) -> Tensor:
        """S^1/2 u: white coefficients (B, C, H, W) to an image with the prior's covariance."""
        return self.inverse(self.variance.sqrt() * u)

    def colour_adjoint(self, x: Tensor) -> Tensor:
        """Adjoint of :meth:`colour`."""
        return self.variance.sqrt() * self.forward(x)

    def forward(self, x: Tensor) -> Tensor:
        """The orthonormal transform that makes the prior diagonal, over rows, columns and channels."""
        return torch.einsum("ij,bjhw->bihw", self.mix, self.rows @ x @ self.columns.T)

    def inverse(self, c: Tensor) -> Tensor:
        """Its inverse and adjoint."""
        return self.rows.T @ torch.einsum("ji,bjhw->bihw", self.mix, c) @ self.columns


def posterior_mode(
    physics: LinearPhysics,
    prior: StationaryPrior,
    y: Tensor,
    sigma: float,
    *,
    tolerance: float,
    iterations: int,
    deadline: float | None = None,
) -> Tensor:
    """(B^T B + sigma^2) u = B^T y with B = A S^1/2, by conjugate gradients from zero: (B, *out_shape) -> (B, C, H, W).

    A sample whose residual has fallen by ``tolerance`` (in the preconditioner's norm) is left as it is, so that its
    result does not depend on its batch.
    """

    def normal(v: Tensor) -> Tensor:
        return prior.colour_adjoint(physics.A_adjoint(physics.A(prior.colour(v)))) + sigma**2 * v

    inverse = preconditioner(physics, prior, sigma)
    r = prior.colour_adjoint(physics.A_adjoint(y))
    u, p = torch.zeros_like(r), inverse * r
    rho = _dot(r, p)
    goal = tolerance**2 * rho
    for _ in range(iterations):
        running = rho > goal
        if not bool(running.any()) or (deadline is not None and time.monotonic() >= deadline):
            break
        q = normal(p)
        step = torch.where(running, rho / torch.where(running, _dot(p, q), 1.0), 0.0)
        u, r = u + step * p, r - step * q
        z = inverse * r
        rho, previous = torch.where(running, _dot(r, z), rho), rho
        p = torch.where(running, z + rho / torch.where(running, previous, 1.0) * p, p)
    return u


def preconditioner(physics: LinearPhysics, prior: StationaryPrior, sigma: float) -> Tensor:
    """1 / (a S + sigma^2) with a the response of A^T A by frequency; 1 where A^T A mixes frequencies.

    Blur and tomography answer one frequency with the same, nearly; there this takes 30 iterations instead of 300.
    Sensing matrices, masks and decimation answer with all of them, or not at all; there plain iterations are better.
    ``a`` comes from one white probe, as means over rings of equal frequency.
    """
    like = prior.variance
    if 2 * math.prod(physics.out_shape) < math.prod(physics.in_shape):
        return torch.ones_like(like)
    probe = torch.randn((1, *physics.in_shape), generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    v = probe.to(like)
    w = prior.forward(physics.A_adjoint(physics.A(prior.inverse(v))))
    H, W = physics.in_shape[-2:]
    rows, columns = (torch.arange(n, device=like.device) / n for n in (H, W))
    ring = (torch.hypot(rows[:, None], columns[None]) * max(H, W)).round().long().expand(w.shape)
    zeros = like.new_zeros(int(ring.max()) + 1)
    a = zeros.index_add(0, ring.flatten(), (v * w).flatten()) / zeros.index_add(0, ring.flatten(), (v * v).flatten())
    a = a.clamp(min=1e-4 * float(a.max()))[ring]
    if (w - a * v).norm() > STATIONARY * w.norm():
        return torch.ones_like(like)
    return 1 / (prior.variance * a + sigma**2)


def _dot(a: Tensor, b: Tensor) -> Tensor:
    """Inner product per sample, (B, 1, 1, 1)."""
    return (a * b).flatten(1).sum(1).reshape(-1, 1, 1, 1)
