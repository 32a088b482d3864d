"""Parameters of the trainings and of the method, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from benchhost.params import as_dict, param

TASKS = ("denoise", "cs", "sr", "mri", "ct", "inpaint", "deblur")


@dataclass(frozen=True)
class RimTrainingParams:
    """What the network for all linear tasks is and what it learns from."""

    tasks: tuple[str, ...] = param(
        TASKS,
        doc="tasks in the mixture; projections: the paper's random projections, which belong to no task",
        choices=(*TASKS, "projections"),
    )
    steps: int = param(8, doc="T, steps that the loss is taken over", minimum=1, maximum=50)
    spread: int = param(2, doc="each batch takes T plus or minus up to this many steps", minimum=0, maximum=20)
    beyond: float = param(
        0.25, doc="share of batches that take T steps without a loss first, to stay stable past T", minimum=0, maximum=1
    )
    width: int = param(64, doc="features of the convolutions, a multiple of 4", minimum=4, maximum=256)
    hidden: bool = param(True, doc="carry the hidden state from step to step; false: reset it before each")
    estimate_input: bool = param(True, doc="show the cell the estimate beside the gradient; false: the gradient alone")
    images: int = param(6, doc="held-out images validated on", minimum=1)


@dataclass(frozen=True)
class RimMriTrainingParams:
    """What the network for complex MRI images is and what it learns from."""

    steps: int = param(8, doc="T, steps that the loss is taken over", minimum=1, maximum=50)
    spread: int = param(2, doc="each batch takes T plus or minus up to this many steps", minimum=0, maximum=20)
    beyond: float = param(
        0.25, doc="share of batches that take T steps without a loss first, to stay stable past T", minimum=0, maximum=1
    )
    width: int = param(64, doc="features of the convolutions, a multiple of 4", minimum=4, maximum=256)
    hidden: bool = param(True, doc="carry the hidden state from step to step; false: reset it before each")
    estimate_input: bool = param(True, doc="show the cell the estimate beside the gradient; false: the gradient alone")
    images: int = param(6, doc="held-out images validated on", minimum=1)


@dataclass(frozen=True)
class RimParams:
    """What to reconstruct with."""

    weights: str | None = param(None, doc="a .safetensors file of trained weights; none: those shipped for the variant")
    variant: Literal["universal", "mri"] = param(
        "universal", doc="universal: one network for all linear tasks; mri: a network for complex images with coils"
    )
    steps: int | None = param(
        None,
        doc="steps to take; none: T of the training, or what was found best for shipped weights",
        minimum=1,
        maximum=1000,
    )
    precision: Literal["auto", "fp32", "bf16"] = param(
        "auto", doc="of the network's convolutions; auto: bf16 where the processor multiplies it natively"
    )

    def key(self) -> dict[str, Any]:
        """Content for keys: weights count by their bytes, not by their path."""
        values = as_dict(self)
        if self.weights:
            from benchhost_rim.shipped import digest_of

            values["weights"] = digest_of(self.weights)
        return values
