"""Training of NSR: the mean absolute error of the restored patch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchhost.data.readers import rgb2gray
from benchhost.errors import UsageError
from benchhost.metrics.compared import studio_luma
from benchhost.nets.weights import Trained, WeightsError, shape_of
from benchhost.types import Item
from benchhost_nsr.growth import grown
from benchhost_nsr.lessons import lesson_of
from benchhost_nsr.method import NSR, RESTORER
from benchhost_nsr.network import Nsr, NsrShape
from benchhost_nsr.params import RESTORED, NsrTrainingParams
from benchhost_nsr.restore import Restorer


class NsrTraining:
    """One network for one task, or for the tasks that are restored from A+ y."""

    def __init__(self, params: NsrTrainingParams) -> None:
        self.params = params
        self.restores = params.learned[0] in RESTORED
        self.shape = NsrShape(
            hints=1 if self.restores else 0,
            blocks=params.blocks,
            features=params.features,
            width=params.width,
            groups=params.groups,
            cardinality=params.cardinality,
            gate=params.gate,
            scale=params.scale if params.learned == ("sr",) else 1,
        )
        self.lesson = lesson_of(params)

    def network(self) -> nn.Module:
        """The network, at random weights."""
        way = None if self.params.convolution == "auto" else self.params.convolution
        return (Restorer if self.restores else Nsr)(self.shape, way)

    def prepare(self, item: Item) -> np.ndarray:
        """Photographs as uint8 (1, H, W): grey, or for super-resolution Y in studio range, as its protocol has it."""
        if item.kind != "image":
            raise UsageError(f"nsr cannot learn from '{item.dataset}', of kind '{item.kind}'")
        if item.array.ndim == 2:
            return item.array[None]
        if self.params.learned == ("sr",):
            return studio_luma(item.array / 255).astype(np.uint8)[None]
        return rgb2gray(item.array)[None]

    def loss(self, network: nn.Module, batch: Tensor, rng: torch.Generator) -> Tensor:
        """Mean absolute error for a batch (B, 1, P, P) in [0, 1]."""
        return self.lesson.loss(network, batch, rng)

    def validate(self, network: nn.Module, images: Sequence[Tensor]) -> Mapping[str, float]:
        """Mean PSNR in dB (clipped) of the centres of the first held-out images."""
        return {f"psnr_{name}": value for name, value in self.lesson.figures(network, images[: self.params.images])}

    def adapt(self, network: nn.Module, trained: Trained) -> Mapping[str, Tensor]:
        """Weights of another NSR network, fitted to this one (see :mod:`benchhost_nsr.growth`)."""
        described = shape_of(trained, trained.network.get("shape"), NsrShape, architecture=(NSR, RESTORER))
        try:
            return grown(network.state_dict(), self.shape, trained.tensors, described)
        except ValueError as error:
            raise WeightsError(f"{trained.path}: {error}") from error

    def facts(self) -> Mapping[str, Any]:
        """Shape and tasks."""
        return {
            "architecture": RESTORER if self.restores else NSR,
            "shape": asdict(self.shape),
            "tasks": list(self.params.learned),
            "range": [0, 1],
        }
