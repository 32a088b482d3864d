"""Parameters of the training and of the method, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from benchhost.params import as_dict, param

RESTORED = ("cs", "mri", "ct", "inpaint", "deblur")  # what one network restores from A+ y: our extension
TASKS = ("denoise", "jpeg", "sr", *RESTORED)
LEVELS = {"denoise": (0.0, 55.0), "jpeg": (10, 40)}  # grey levels of noise and qualities that a network is trained for


@dataclass(frozen=True)
class NsrTrainingParams:
    """What the network is and what it learns: one of denoise, jpeg and sr, or tasks restored from A+ y together."""

    tasks: tuple[str, ...] = param(
        ("denoise",),
        doc="denoise, jpeg or sr alone; or restore, or some of the tasks it stands for",
        choices=(*TASKS, "restore"),
    )
    scale: int = param(2, doc="factor of super-resolution", choices=(2, 3, 4))
    groups: int = param(4, doc="k, sparsity groups; 1: the dense network", minimum=1, maximum=64)
    cardinality: int = param(16, doc="d, parts of the channels with gates of their own", minimum=1)
    gate: Literal["softmax", "sigmoid"] = param("softmax", doc="over the groups")
    blocks: int = param(16, doc="B, residual blocks", minimum=1, maximum=64)
    features: int = param(32, doc="n, channels between the blocks", minimum=1, maximum=256)
    width: int = param(1, doc="hidden channels of a block over n", minimum=1, maximum=8)
    images: int = param(12, doc="held-out images validated on", minimum=1)
    convolution: Literal["auto", "grouped", "matmul", "dense"] = param(
        "auto", doc="how the groups' kernels are applied; the results are the same"
    )

    def __post_init__(self) -> None:
        if len(self.learned) > 1 and not set(self.learned) <= set(RESTORED):
            alone = next(task for task in self.learned if task not in RESTORED)
            raise ValueError(f"task {alone} is trained alone; together go {', '.join(RESTORED)}")
        if self.features % self.cardinality:
            raise ValueError(f"cardinality {self.cardinality} does not divide {self.features} features")

    @property
    def learned(self) -> tuple[str, ...]:
        """``tasks`` with "restore" resolved, in the order of TASKS."""
        tasks = {*self.tasks, *RESTORED} - {"restore"} if "restore" in self.tasks else set(self.tasks)
        return tuple(sorted(tasks, key=TASKS.index))

    def key(self) -> dict[str, Any]:
        """What makes it another training: not how convolutions are computed, nor a scale that is not used."""
        values = {**as_dict(self), "tasks": list(self.learned)}
        del values["convolution"]
        if self.learned != ("sr",):
            del values["scale"]
        return values


@dataclass(frozen=True)
class NsrParams:
    """What to reconstruct with."""

    weights: str | None = param(None, doc="a .safetensors file of trained weights; none: those shipped for the task")
    precision: Literal["auto", "fp32", "bf16"] = param(
        "auto", doc="of the network's convolutions; auto: bf16 on a GPU, fp32 elsewhere"
    )
    tiles: Literal["whole", "authors"] = param(
        "whole", doc="authors: inputs of 192 pixels and more a side in tiles of 48, each with gates of its own"
    )

    def key(self) -> dict[str, Any]:
        """Content for keys: weights count by their bytes, not by their path."""
        values = as_dict(self)
        if self.weights:
            from benchhost_nsr.shipped import digest_of

            values["weights"] = digest_of(self.weights)
        return values
