"""One problem for a batch of training images: the operator with its noise, and the measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.random import RandomState
from torch import Tensor

from benchhost.nets.scale import SIGNED, UNIT, Scale
from benchhost.physics import LinearPhysics
from benchhost.physics.diagonal import Mask
from benchhost.physics.fourier import MaskedFourier
from benchhost.physics.radon import Radon


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A batch and its measurement.

    truth: (B, C, H, W) in [0, 1], on the operator's canvas.  size: (h, w), its upper left part that counts.
    scale: of the truth, which lies in [-1, 1] where it is complex.
    """

    physics: LinearPhysics
    y: Tensor
    sigma: float
    truth: Tensor
    size: tuple[int, int]
    scale: Scale = UNIT


@dataclass(frozen=True, kw_only=True)
class Setup:
    """An operator for images of one size, and the noise it is used with.

    sigma: its standard deviation.  of_peak: or that over the largest exact value of the batch, as CT's protocol has it.
    crop: the part of the image that the operator is for, where the protocol crops; None for all of it.
    pad: the canvas, where the protocol pads with zeros.
    phase: (h, w) radians: the image is complex, with this phase.
    """

    physics: LinearPhysics
    sigma: float = 0.0
    of_peak: float = 0.0
    crop: tuple[int, int] | None = None
    pad: tuple[int, int] | None = None
    phase: np.ndarray | None = None


Maker = Callable[[tuple[int, int], RandomState], Setup]


def measure(batch: Tensor, maker: Maker, seed: int) -> Measured:
    """Measure a batch (B, 1, H, W) with one operator drawn from ``seed``; the noise differs from image to image."""
    random = RandomState(seed)
    setup = maker((batch.shape[2], batch.shape[3]), random)
    height, width = setup.crop or batch.shape[2:]
    truth = batch[..., :height, :width]
    if setup.pad:
        truth = F.pad(truth, (0, setup.pad[1] - width, 0, setup.pad[0] - height))
    if setup.phase is not None:
        phase = torch.from_numpy(setup.phase.astype(np.float32)).to(batch.device)
        truth = torch.cat([truth * phase.cos(), truth * phase.sin()], 1)
    physics = _moved(setup.physics, batch.device)
    y = physics.A(truth)
    sigma = setup.sigma or (setup.of_peak and setup.of_peak * float(y.max()))
    if sigma:
        noise = torch.from_numpy(random.standard_normal(y.shape).astype(np.float32)).to(y.device)
        y = y + sigma * _where_measured(noise, physics)
    return Measured(
        physics=physics,
        y=y,
        sigma=sigma,
        truth=truth,
        size=(height, width),
        scale=UNIT if setup.phase is None else SIGNED,
    )


def _where_measured(noise: Tensor, physics: LinearPhysics) -> Tensor:
    """Entries that the operator does not measure stay zero."""
    if isinstance(physics, Mask):
        return physics.A(noise)
    if isinstance(physics, MaskedFourier):
        return noise * torch.from_numpy(physics.mask.copy()).to(noise.device)
    return noise


def _moved(physics: LinearPhysics, device: torch.device) -> LinearPhysics:
    if device.type == "cpu":
        return physics
    return _moved_radon(physics, device) if isinstance(physics, Radon) else physics.to(device)


@lru_cache(maxsize=32)
def _moved_radon(physics: Radon, device: torch.device) -> Radon:
    """There are few, and moving a sparse matrix takes longer than a training step."""
    return physics.to(device)
