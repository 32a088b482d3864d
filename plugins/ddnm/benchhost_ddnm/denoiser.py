"""``denoiser``: one evaluation of the prior at the noise level of the image."""

from __future__ import annotations

import torch
from torch import Tensor

from benchhost.errors import UsageError
from benchhost.nets.scale import scale_of
from benchhost.nets.schedule import alpha_bar_of
from benchhost.types import Problem
from benchhost_ddnm.method import NetworkDenoiser, load_prior
from benchhost_ddnm.params import DenoiserParams


class PriorDenoiser:
    """E[x_0 | x_t] at the t whose relative noise is that of y; nothing is sampled."""

    def __init__(self, params: DenoiserParams) -> None:
        self.params = params
        self.denoise: NetworkDenoiser | None = None

    def setup(self, problem: Problem) -> None:
        """Read the weights."""
        if self.denoise is None:
            self.denoise = NetworkDenoiser(load_prior(self.params.weights), self.params.precision, problem.device)

    @torch.no_grad()
    def reconstruct(self, problem: Problem) -> Tensor:
        """(B, C, H, W), not clipped.  Raises UsageError for a y that is not finite or has no known positive noise."""
        if not bool(problem.y.isfinite().all()):
            raise UsageError("denoiser: problem.y has values that are not finite")
        if not problem.sigma:
            raise UsageError(f"denoiser: needs the positive noise level of y, got sigma {problem.sigma}")
        self.setup(problem)
        scale = scale_of(problem)
        alpha_bar = alpha_bar_of(problem.sigma / scale.half)
        x_t = alpha_bar**0.5 * scale.measurement(problem.physics, problem.y)
        return scale.image(self.denoise(x_t, alpha_bar))
