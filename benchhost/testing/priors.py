"""Images from a known law, with their exact denoiser and posterior: for testing samplers without weights."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from benchhost.physics import LinearPhysics


@dataclass(frozen=True, kw_only=True)
class Posterior:
    """A Gaussian over images.  mean: (B, C, H, W).  covariance: (n, n), n = C H W, the same for every sample."""

    mean: Tensor
    covariance: Tensor


class GaussianPrior:
    """Stationary Gaussian images on a torus: x = mean + S^1/2 w with S diagonal in the discrete Fourier transform.

    Everything is computed in float64 and returned in the dtype it was asked in.

    shape: (C, H, W).
    mean: of every pixel.  deviation: standard deviation of every pixel.
    exponent: the power spectrum falls as 1 / (f^2 + f0^2)^(exponent / 2), f0 one period per image; 0 gives white
        images, 2 the correlations of natural ones.
    correlation: between the channels of one pixel, from -1 / (C - 1) to 1, both excluded.
    """

    def __init__(
        self,
        shape: tuple[int, int, int] = (1, 32, 32),
        *,
        mean: float = 0.5,
        deviation: float = 0.15,
        exponent: float = 2.0,
        correlation: float = 0.0,
    ) -> None:
        C, H, W = shape
        if C > 1 and not -1 / (C - 1) < correlation < 1:
            raise ValueError(f"correlation {correlation} between {C} channels is not that of any law")
        self.shape, self.mean = (C, H, W), mean
        f2 = torch.fft.fftfreq(H).double()[:, None] ** 2 + torch.fft.fftfreq(W).double()[None] ** 2
        power = (f2 + 1 / max(H, W) ** 2) ** (-exponent / 2)
        # (H, W): eigenvalues of the covariance within a channel; their mean is the variance of a pixel.
        self.power = power * (deviation**2 / power.mean())
        self.mix = (1 - correlation) * torch.eye(C, dtype=torch.float64) + correlation

    def sample(self, count: int, rng: Generator, dtype: torch.dtype = torch.float32) -> Tensor:
        """``count`` independent images, (count, C, H, W); not clipped to [0, 1]."""
        white = torch.randn((count, *self.shape), generator=rng, dtype=torch.float64)
        mixed = torch.einsum("ij,bjhw->bihw", torch.linalg.cholesky(self.mix), white)
        return (self.mean + self._filter(mixed, self.power.sqrt())).to(dtype)

    def denoise(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """E[x0 | x0 + sigma n = x], n white: (B, C, H, W) to the same; ``sigma`` a number, or (B,), one per sample."""
        variance = torch.as_tensor(sigma, dtype=torch.float64).reshape(-1, 1, 1, 1) ** 2
        values, basis = torch.linalg.eigh(self.mix)
        centred = torch.einsum("ji,bjhw->bihw", basis, x.double() - self.mean)
        signal = values[:, None, None] * self.power
        # 0 / 0 for a frequency without signal in an exact image: it stays where it is, at the mean.
        shrunk = self._filter(centred, torch.where(signal > 0, signal / (signal + variance), 0.0))
        return (self.mean + torch.einsum("ij,bjhw->bihw", basis, shrunk)).to(x.dtype)

    def score(self, x: Tensor, sigma: float | Tensor) -> Tensor:
        """Gradient of the log density of x0 + sigma n at ``x`` (Tweedie): (B, C, H, W)."""
        variance = torch.as_tensor(sigma, dtype=x.dtype).reshape(-1, 1, 1, 1) ** 2
        return (self.denoise(x, sigma) - x) / variance

    def covariance(self) -> Tensor:
        """(n, n), n = C H W, float64; for small images."""
        _, H, W = self.shape
        unit = torch.eye(H * W, dtype=torch.float64).reshape(H * W, 1, H, W)
        return torch.kron(self.mix, self._filter(unit, self.power).reshape(H * W, H * W))

    def posterior(self, physics: LinearPhysics, y: Tensor, sigma: float) -> Posterior:
        """The law of x given y = A x + sigma n, n white, by dense algebra; for small images.

        sigma = 0 conditions on A x = y exactly, with a pseudo-inverse where rows of A depend on each other.
        """
        n = self.power.numel() * self.shape[0]
        A = physics.to(dtype=torch.float64)
        unit = torch.eye(n, dtype=torch.float64).reshape(n, *self.shape)
        matrix = A.A(unit).reshape(n, -1).T  # (m, n)
        prior = self.covariance()
        cross = prior @ matrix.T
        data = matrix @ cross + sigma**2 * torch.eye(len(matrix), dtype=torch.float64)
        gain = cross @ torch.linalg.pinv(data, hermitian=True, rtol=1e-12)
        residual = y.double() - A.A(torch.full((len(y), *self.shape), self.mean, dtype=torch.float64))
        mean = self.mean + (residual.flatten(1) @ gain.T).reshape(len(y), *self.shape)
        return Posterior(mean=mean.to(y.dtype), covariance=prior - gain @ cross.T)

    def deconvolve(self, transfer: Tensor, y: Tensor, sigma: float) -> Tensor:
        """E[x | y] for a periodic convolution by FFT: the posterior mean of :meth:`posterior` at any size.

        transfer: (H, W) complex, the DFT of the kernel.  y: (B, C, H, W), every channel convolved alike.
        """
        values, basis = torch.linalg.eigh(self.mix)
        H = transfer.to(torch.complex128)
        centred = torch.einsum("ji,bjhw->bihw", basis, y.double() - self.mean * H[0, 0].real)
        signal = values[:, None, None] * self.power
        power = signal * H.abs() ** 2 + sigma**2
        wiener = torch.where(power > 0, signal * H.conj() / torch.where(power > 0, power, 1.0), 0.0)
        return (self.mean + torch.einsum("ij,bjhw->bihw", basis, self._filter(centred, wiener))).to(y.dtype)

    @staticmethod
    def _filter(x: Tensor, transfer: Tensor) -> Tensor:
        return torch.fft.ifft2(torch.fft.fft2(x) * transfer).real
