"""What every table needs beside the contestants: the papers' input image, A+ y, A* y, and two controls."""

from __future__ import annotations

import torch
from torch import Tensor

from benchhost.params import NoParams
from benchhost.types import Problem
from benchhost_classical.params import NoiseParams


class Baseline:
    """The image a task's papers print beside their results: bicubic, FBP, zero-filled, noisy or decoded image."""

    def __init__(self, params: NoParams) -> None: ...

    def reconstruct(self, problem: Problem) -> Tensor:
        """``physics.baseline(y)``: (B, C, H, W)."""
        return problem.physics.baseline(problem.y).clone()


class PseudoInverse:
    """A+ y: the image of least norm among those that fit the measurement best."""

    def __init__(self, params: NoParams) -> None: ...

    def reconstruct(self, problem: Problem) -> Tensor:
        """``physics.A_dagger(y)``: (B, C, H, W)."""
        return problem.physics.A_dagger(problem.y).clone()


class Adjoint:
    """A* y divided by |A|^2: one gradient step from zero with the longest step that cannot overshoot."""

    def __init__(self, params: NoParams) -> None: ...

    def reconstruct(self, problem: Problem) -> Tensor:
        """``physics.A_adjoint(y) / physics.norm**2``: (B, C, H, W)."""
        return problem.physics.A_adjoint(problem.y) / problem.physics.norm**2


class Oracle:
    """Returns the truth: what the protocol's own rounding and cropping leave of a perfect reconstruction."""

    def __init__(self, params: NoParams) -> None: ...

    def reconstruct(self, problem: Problem, truth: Tensor) -> Tensor:
        """``truth``, (B, C, H, W)."""
        return truth.clone()


class Noise:
    """Ignores the measurement: what a metric gives for an image that has nothing to do with the truth."""

    def __init__(self, params: NoiseParams) -> None:
        self.kind = params.kind

    def reconstruct(self, problem: Problem) -> Tensor:
        """White noise over the value range, or around 0 with unit deviation where there is none: (B, C, H, W)."""
        shape = (len(problem.y), *problem.image_shape)
        low, high = problem.value_range or (0.0, 1.0)
        if self.kind == "uniform":
            unit = torch.rand(shape, generator=problem.rng)
        else:
            unit = 0.5 + torch.randn(shape, generator=problem.rng) / 12**0.5  # the uniform law's mean and variance
        noise = low + (high - low) * unit
        return (noise if problem.value_range else noise - 0.5).to(problem.y)
