"""The method: trained weights applied to a problem."""

from __future__ import annotations

import time
from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from benchhost.nets.precision import fast_bfloat16
from benchhost.nets.scale import scale_of
from benchhost.nets.weights import Trained, WeightsError, load_into, packaged, read_trained, shape_of
from benchhost.types import Problem
from benchhost_rim.network import ARCHITECTURE, Rim, RimShape
from benchhost_rim.params import RimParams
from benchhost_rim.shipped import chosen


class RimMethod:
    """Runs the recurrent network; colour images channel by channel, complex ones part by part or as one."""

    def __init__(self, params: RimParams) -> None:
        self.params = params

    def setup(self, problem: Problem) -> None:
        """Load the weights."""
        self._network(problem)

    def reconstruct(self, problem: Problem) -> Tensor:
        """(B, C, H, W) float32, not clipped; at the deadline the estimate of the latest step.

        Raises ValueError for a measurement that holds NaN or infinity: convolutions would spread it over the image.
        """
        if not bool(problem.y.isfinite().all()):
            raise ValueError("rim: problem.y holds values that are not finite (NaN or infinity)")
        network = self._network(problem)
        if network.shape.variant == "mri" and not problem.complex_image:
            raise ValueError("rim: these weights are for complex images (variant mri), the problem's are real")
        reduced = self.params.precision == "bf16" or (self.params.precision == "auto" and _fast(problem.device))
        device = torch.device(problem.device).type
        with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16, enabled=reduced):
            iterates = network.iterates(
                problem.physics,
                problem.y,
                float(problem.sigma or 0.0),
                scale=scale_of(problem),
                steps=self._steps(network),
            )
            for step, estimate in enumerate(iterates, 1):
                problem.trace(step, estimate)
                if problem.deadline is not None and time.monotonic() > problem.deadline:
                    break
        return estimate

    def _steps(self, network: Rim) -> int:
        shipped = None if self.params.weights else chosen(self.params.variant)
        return self.params.steps or (shipped and shipped.steps) or network.shape.steps

    def _network(self, problem: Problem) -> Rim:
        if self.params.weights:
            path, sha256 = Path(self.params.weights).expanduser(), None
        else:
            shipped = chosen(self.params.variant)
            if shipped is None:
                raise WeightsError(f"rim: no weights of variant '{self.params.variant}'; give rim:weights=FILE")
            training = "rim" if self.params.variant == "universal" else "rim-mri"
            path, sha256 = packaged(shipped.file, package="benchhost_rim", training=training), shipped.sha256
        network = _loaded(str(path), sha256, path.stat().st_mtime_ns if path.is_file() else 0, str(problem.device))
        if network.shape.variant != self.params.variant:
            raise WeightsError(
                f"{path}: expected weights of variant {self.params.variant}, found {network.shape.variant} "
                f"(give rim:variant={network.shape.variant})"
            )
        return network


def network_of(trained: Trained) -> Rim:
    """The network that a file's header describes, with its weights; float32, on the CPU.

    Raises WeightsError where the header describes another network, or one of another version.
    """
    shape = shape_of(trained, trained.network.get("shape"), RimShape, architecture=ARCHITECTURE)
    return load_into(Rim(shape), trained)


@lru_cache(maxsize=4)
def _loaded(path: str, sha256: str | None, changed: int, device: str) -> Rim:
    network = network_of(read_trained(path, sha256=sha256))
    return network.eval().requires_grad_(False).to(device)


def _fast(device: str) -> bool:
    return fast_bfloat16() if device == "cpu" else True
