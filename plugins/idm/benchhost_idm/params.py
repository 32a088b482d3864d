"""Parameters of the training and of the method, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from benchhost.params import as_dict, param

TASKS = ("cs", "denoise", "sr", "mri", "ct", "inpaint", "deblur")


@dataclass(frozen=True)
class IdmTrainingParams:
    """What the network is and what it learns from."""

    tasks: tuple[str, ...] = param(TASKS, doc="tasks in the mixture", choices=TASKS)
    blocks: float = param(
        0.5, doc="share of cs that senses blocks of the image; the rest scrambles it", minimum=0, maximum=1
    )
    prior: str = param("prior-grey", doc="weights to start from: a file of a prior, prior-grey (shipped), or none")
    steps: int = param(
        3,
        doc="T, unrolled steps; 0: one pass from A+ y to the image without data steps, a control",
        minimum=0,
        maximum=20,
    )
    injected: int = param(2, doc="scales of the U-Net with injectors; 0: none", minimum=0, maximum=3)
    kernel: int = param(1, doc="side of the injectors' convolutions", choices=(1, 3))
    start: Literal["pinv", "noise"] = param("pinv", doc="where the first step begins")
    wired: bool = param(True, doc="invertible wiring of steps and blocks; false: plain unrolled DDNM")
    consistent: bool = param(True, doc="a last data step after the wiring's merge")
    keep: Literal["reversible", "steps", "plain"] = param(
        "reversible",
        doc="what the backward pass recomputes: steps and blocks, steps alone, nothing; the gradients are the same",
    )
    images: int = param(20, doc="held-out images validated on", minimum=1)

    def key(self) -> dict[str, Any]:
        """What makes it another training: not what is recomputed, and a prior by its bytes."""
        from benchhost_idm.shipped import digest_of

        values = as_dict(self)
        del values["keep"]
        return values if self.prior in ("none", "prior-grey") else {**values, "prior": digest_of(self.prior)}


@dataclass(frozen=True)
class IdmParams:
    """What to reconstruct with."""

    weights: str | None = param(None, doc="a .safetensors file of trained weights; none: those shipped for the task")
    precision: Literal["auto", "fp32", "bf16"] = param(
        "auto", doc="of the network's convolutions; auto: bf16 where the processor multiplies it natively"
    )

    def key(self) -> dict[str, Any]:
        """Content for keys: weights count by their bytes, not by their path."""
        values = as_dict(self)
        if self.weights:
            from benchhost_idm.shipped import digest_of

            values["weights"] = digest_of(self.weights)
        return values
