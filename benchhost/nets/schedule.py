"""The noise schedule of denoising diffusion: how much signal is left at step t."""

from __future__ import annotations

import torch
from torch import Tensor


class NoiseSchedule:
    """Linear beta from 1e-4 to 0.02 over 1000 steps (Ho, Jain and Abbeel, NeurIPS 2020, section 4).

    x_t = sqrt(alpha_bar_t) x_0 + sqrt(1 - alpha_bar_t) eps, images in [-1, 1].
    alpha_bar: (steps,) float64, decreasing; alpha_bar[0] = 1 - 1e-4.
    """

    def __init__(self, steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> None:
        self.steps = steps
        beta = torch.linspace(first, last, steps, dtype=torch.float64)
        self.alpha_bar = torch.cumprod(1 - beta, 0)

    @property
    def sigma(self) -> Tensor:
        """Noise relative to the signal per step: x_t / sqrt(alpha_bar) = x_0 + sigma eps."""
        return ((1 - self.alpha_bar) / self.alpha_bar).sqrt()

    def nearest(self, sigma: float) -> int:
        """The step whose relative noise is nearest to ``sigma`` on a logarithmic scale (images in [-1, 1])."""
        if not sigma > 0:
            raise ValueError(f"sigma must be positive, got {sigma}")
        return int((self.sigma.log() - torch.tensor(sigma, dtype=torch.float64).log()).abs().argmin())


def alpha_bar_of(sigma: float | Tensor) -> float | Tensor:
    """The alpha_bar at which an image in [-1, 1] carries relative noise ``sigma``: 1 / (1 + sigma^2)."""
    return 1 / (1 + sigma**2)
