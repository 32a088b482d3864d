"""Total variation regularisation: min_x 1/2 |A x - y|^2 + lambda TV(x), solved to a stated tolerance.

Rudin, Osher and Fatemi, "Nonlinear total variation based noise removal algorithms", Physica D 1992.  Isotropic, joint
over the channels of a colour or complex image.  What differs between tasks is lambda alone
(:mod:`benchhost_classical.tv_weights`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from benchhost.physics import LinearPhysics
from benchhost.physics.diagonal import Identity
from benchhost.physics.noise import poisson_log_deviation
from benchhost.physics.radon import Radon
from benchhost.types import Problem
from benchhost_classical.params import TvParams
from benchhost_classical.total_variation import minimise
from benchhost_classical.tv_weights import default_weight


class Tv:
    """TV under the measurement operator; JPEG, which has no linear A, is denoising of the decoded image."""

    def __init__(self, params: TvParams) -> None:
        self.params = params

    @torch.no_grad()
    def reconstruct(self, problem: Problem) -> Tensor:
        """The minimiser to ``tolerance``, or the iterate at the deadline: (B, C, H, W).

        Where values have no fixed range (MRI) the problem is solved for the image divided by its largest modulus, one
        number for the batch, which is a volume's slices; lambda and tolerance are in these units.
        """
        p, physics = self.params, problem.physics
        start = physics.baseline(problem.y)
        unit = 1.0 if problem.value_range else peak_modulus(start, complex_image=problem.complex_image)
        y, start = problem.y / unit, start / unit
        if not isinstance(physics, LinearPhysics):
            y, physics = start, Identity(problem.image_shape, dtype=start.dtype).to(start.device)

        def watch(iterations: int, estimate: Tensor) -> None:
            if iterations % p.trace_every == 0:
                problem.trace(iterations, unit * estimate)

        return (
            unit
            * minimise(
                physics,
                y,
                self._weight(problem, physics, unit),
                start=start,
                box=problem.value_range,
                tolerance=p.tolerance,
                max_iterations=p.iterations,
                deadline=problem.deadline,
                watch=watch,
            ).estimate
        )

    def _weight(self, problem: Problem, physics: LinearPhysics, unit: float) -> float:
        if self.params.weight is not None:
            return self.params.weight
        return default_weight(
            problem.task,
            problem.task_params,
            channels=1 if problem.complex_image else problem.image_shape[0],
            sigma=noise_level(physics, problem.y, problem.sigma, problem.task_params, unit),
            gain=white_gain(physics, problem.y),
        )


def peak_modulus(x: Tensor, *, complex_image: bool) -> float:
    """Largest absolute value in a batch, of the complex number where two channels are one; 1 for an empty image."""
    size = torch.linalg.vector_norm(x, dim=1) if complex_image else x.abs()
    return float(size.max()) or 1.0


def noise_level(
    physics: LinearPhysics, y: Tensor, sigma: float | None, task_params: Mapping[str, Any], unit: float = 1.0
) -> float | None:
    """Root mean square of the noise on an entry of ``y / unit``; None where nothing is known of it.

    sigma: where the noise is white.  Photon counts have a level for each ray, which follows from the count itself.
    """
    if sigma is not None:
        return sigma / unit
    if task_params.get("noise") != "poisson" or not isinstance(physics, Radon):
        return None
    # From the operator's units to metres: what the detector sees is exp(-mu metres y).
    metres = task_params["field_of_view"] / max(physics.in_shape) / physics.scale
    ray = poisson_log_deviation(metres * y.double(), photons=task_params["photons"]) / metres
    return float(ray.pow(2).mean().sqrt()) / unit


def white_gain(physics: LinearPhysics, like: Tensor) -> float:
    """Mean eigenvalue of A^T A, |A|_F^2 / n, from one white probe that is the same for every image.

    Dividing the data term by it makes one law of lambda serve every scaling of A: with A, y and sigma multiplied
    by s the minimiser must stay the same, so lambda has to grow by s^2.
    """
    probe = torch.randn((1, *physics.in_shape), generator=torch.Generator().manual_seed(0)).to(like)
    return float(physics.A(probe).pow(2).sum() / probe.pow(2).sum())
