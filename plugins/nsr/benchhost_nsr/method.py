"""The method: trained weights applied to a problem."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from pathlib import Path

import torch
from torch import Tensor

from benchhost.nets.scale import scale_of
from benchhost.nets.weights import Trained, WeightsError, load_into, packaged, read_trained, shape_of
from benchhost.physics import LinearPhysics
from benchhost.types import Problem
from benchhost_nsr.network import Nsr, NsrShape
from benchhost_nsr.params import NsrParams
from benchhost_nsr.restore import Restorer
from benchhost_nsr.shipped import chosen
from benchhost_nsr.tiles import tiled

RESTORER = "benchhost_nsr.restore:Restorer"
NSR = "benchhost_nsr.network:Nsr"


class NsrMethod:
    """Runs the network once; colour and complex images channel by channel."""

    def __init__(self, params: NsrParams) -> None:
        self.params = params

    def setup(self, problem: Problem) -> None:
        """Load the weights for the problem's task."""
        self._network(problem)

    def reconstruct(self, problem: Problem) -> Tensor:
        """(B, C, H, W) float32, not clipped.

        Raises ValueError for a measurement that holds NaN or infinity: gates would spread it over the image.
        """
        if not bool(problem.y.isfinite().all()):
            raise ValueError("nsr: problem.y holds values that are not finite (NaN or infinity)")
        network = self._network(problem)
        device = torch.device(problem.device).type
        reduced = self.params.precision == "bf16" or (self.params.precision == "auto" and device == "cuda")
        with torch.no_grad(), torch.autocast(device, dtype=torch.bfloat16, enabled=reduced):
            if isinstance(network, Restorer):
                sigma, scale = float(problem.sigma or 0.0), scale_of(problem)
                return network(problem.physics, problem.y, sigma, scale, run=self._run(network.net))
            return self._image(network, problem)

    def _image(self, network: Nsr, problem: Problem) -> Tensor:
        """From an image to an image, in the range that the network was trained in."""
        low, high = problem.value_range or (0.0, 1.0)
        y = (problem.y.float() - low) / (high - low)
        planes = self._run(network)(y.flatten(0, 1)[:, None])  # (B C, 1, H, W)
        return low + (high - low) * planes.view(len(y), *problem.image_shape)

    def _run(self, network: Nsr) -> Callable[[Tensor], Tensor]:
        return partial(tiled, network, scale=network.shape.scale) if self.params.tiles == "authors" else network

    def _network(self, problem: Problem) -> Nsr | Restorer:
        if self.params.weights:
            path, sha256 = Path(self.params.weights).expanduser(), None
        else:
            shipped = chosen(problem.task, problem.task_params.get("scale"))
            if shipped is None:
                raise WeightsError(f"nsr: no shipped weights for task '{problem.task}'; give nsr:weights=FILE")
            path, sha256 = packaged(shipped.file, package="benchhost_nsr", training="nsr"), shipped.sha256
        network = _loaded(str(path), sha256, path.stat().st_mtime_ns if path.is_file() else 0, str(problem.device))
        if wrong := misuse(network, problem):
            raise WeightsError(f"{path}: {wrong}")
        return network


def misuse(network: Nsr | Restorer, problem: Problem) -> str:
    """Why a network does not fit a problem, in words; "" where it does."""
    if isinstance(network, Restorer):
        if isinstance(problem.physics, LinearPhysics):
            return ""
        return f"the network restores A+ y of linear measurements, task '{problem.task}' has none"
    s = network.shape.scale
    channels, height, width = problem.image_shape
    if tuple(problem.y.shape[1:]) == (channels, height // s, width // s) and not (height % s or width % s):
        return ""
    words = f"the network turns images into images {s} times as large" if s > 1 else "the network keeps images' size"
    found = "x".join(str(n) for n in problem.y.shape[1:])
    return f"{words}; task '{problem.task}' measures {found} of images of {channels}x{height}x{width}"


def network_of(trained: Trained) -> Nsr | Restorer:
    """The network that a file's header describes, with its weights; float32, on the CPU.

    Raises WeightsError where the header describes another network, or one of another version.
    """
    kind = trained.network.get("architecture")
    restores = kind == RESTORER
    shape = shape_of(trained, trained.network.get("shape"), NsrShape, architecture=RESTORER if restores else NSR)
    try:
        network = (Restorer if restores else Nsr)(shape)
    except ValueError as error:
        raise WeightsError(f"{trained.path}: no network has the shape that the file describes: {error}") from error
    return load_into(network, trained)


@lru_cache(maxsize=8)
def _loaded(path: str, sha256: str | None, changed: int, device: str) -> Nsr | Restorer:
    network = network_of(read_trained(path, sha256=sha256))
    return network.eval().requires_grad_(False).to(device)
