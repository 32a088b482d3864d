"""The method: trained weights applied to a problem."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from benchhost.nets import UNetShape
from benchhost.nets.precision import fast_bfloat16
from benchhost.nets.scale import scale_of
from benchhost.nets.weights import Trained, WeightsError, load_into, packaged, read_trained, shape_of
from benchhost.types import Problem
from benchhost_idm.network import IdmShape
from benchhost_idm.params import IdmParams
from benchhost_idm.shipped import chosen
from benchhost_idm.unrolled import Idm

ARCHITECTURE = "benchhost_idm.unrolled:Idm"


class IdmMethod:
    """Runs the unrolled network once; colour and complex images channel by channel, with one operator for all."""

    def __init__(self, params: IdmParams) -> None:
        self.params = params

    def setup(self, problem: Problem) -> None:
        """Load the weights for the problem's task."""
        self._network(problem)

    def reconstruct(self, problem: Problem) -> Tensor:
        """(B, C, H, W) float32, not clipped.

        Raises ValueError for a measurement that holds NaN or infinity: convolutions would spread it over the image.
        """
        if not bool(problem.y.isfinite().all()):
            raise ValueError("idm: problem.y holds values that are not finite (NaN or infinity)")
        network = self._network(problem)
        reduced = self.params.precision == "bf16" or (self.params.precision == "auto" and _fast(problem.device))
        device = torch.device(problem.device).type
        with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16, enabled=reduced):
            return network(
                problem.physics,
                problem.y,
                float(problem.sigma or 0.0),
                scale=scale_of(problem),
                rng=problem.rng,
            )

    def _network(self, problem: Problem) -> Idm:
        if self.params.weights:
            path, sha256 = Path(self.params.weights).expanduser(), None
        else:
            shipped = chosen(problem.task)
            if shipped is None:
                raise WeightsError(f"idm: no shipped weights for task '{problem.task}'; give idm:weights=FILE")
            path, sha256 = packaged(shipped.file, package="benchhost_idm", training="idm"), shipped.sha256
        return _loaded(str(path), sha256, path.stat().st_mtime_ns if path.is_file() else 0, str(problem.device))


def network_of(trained: Trained) -> Idm:
    """The network that a file's header describes, with its weights; float32, on the CPU.

    Raises WeightsError where the header describes another network, or one of another version.
    """
    described = trained.network.get("shape")
    if isinstance(described, dict):
        unet = shape_of(trained, described.get("unet"), UNetShape, architecture=ARCHITECTURE)
        described = {**described, "unet": unet}
    return load_into(Idm(shape_of(trained, described, IdmShape, architecture=ARCHITECTURE)), trained)


@lru_cache(maxsize=4)
def _loaded(path: str, sha256: str | None, changed: int, device: str) -> Idm:
    network = network_of(read_trained(path, sha256=sha256))
    return network.eval().requires_grad_(False).to(device)


def _fast(device: str) -> bool:
    return fast_bfloat16() if device == "cpu" else True
