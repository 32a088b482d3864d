"""The settings of a training: what it learns with, how long, and the learning rate that follows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from benchhost.errors import UsageError
from benchhost.params import param


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How to train.  A resumed run may change any of these but the seed; the model card tells each stretch apart."""

    crops: tuple[str, ...] = param(("64x16",), doc="PATCHxBATCH, used in turn, one a step: 64x16+64x16+128x4")
    rate: float = param(5e-4, doc="learning rate of the constant phase", minimum=0.0)
    warmup: int = param(500, doc="steps over which the rate rises from zero", minimum=0)
    decay: float = param(0.15, doc="last share of the goal in which the rate falls to zero by a cosine; 1: all of it",
                         minimum=0.0, maximum=1.0)  # fmt: skip
    optimizer: str = param("adamw", doc="the optimizer", choices=("adam", "adamw"))
    beta1: float = param(0.9, doc="decay of the first moment", minimum=0.0, maximum=1.0)
    beta2: float = param(0.99, doc="decay of the second moment", minimum=0.0, maximum=1.0)
    weight_decay: float = param(0.0, doc="decoupled weight decay", minimum=0.0)
    clip: float = param(1.0, doc="largest norm of the gradient; 0: no clipping", minimum=0.0)
    ema: float = param(0.9995, doc="decay of the weights' moving average, reached gradually", minimum=0.0, maximum=1.0)
    precision: str = param("bf16", doc="bf16: autocast; fp32: none", choices=("bf16", "fp32"))
    compile: bool = param(False, doc="torch.compile the network")
    held_out: int = param(20, doc="last images by name, only validated on", minimum=1)
    seed: int = param(0, doc="seed of initial weights, patches and noise", minimum=0)


@dataclass(frozen=True, kw_only=True)
class Goal:
    """When a training is done: after ``steps`` steps, or ``seconds`` seconds of training, over all its stretches."""

    steps: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.seconds is None):
            raise UsageError("give either a number of steps or a time budget")
        if not (self.steps or self.seconds or 0) > 0:
            raise UsageError("the number of steps or the time budget must be positive")

    def progress(self, step: int, seconds: float) -> float:
        """The share that is done, 0 to 1, before step ``step`` (counted from 0)."""
        done = step / self.steps if self.steps is not None else seconds / (self.seconds or 1.0)
        return min(1.0, done)

    def exceeds(self, other: Goal) -> bool:
        """Whether this goal asks for more than ``other``; goals of different kinds always do."""
        if self.steps is not None and other.steps is not None:
            return self.steps > other.steps
        if self.seconds is not None and other.seconds is not None:
            return self.seconds > other.seconds
        return True


def rate_factor(step: int, progress: float, *, warmup: int, decay: float) -> float:
    """The learning rate relative to its constant phase, before step ``step``: linear warm-up, constant, half a cosine.

    The constant phase does not depend on the goal, so that a run can be given a larger one: only what was trained
    after the decay had begun is lost.
    """
    rising = min(1.0, (step + 1) / warmup) if warmup else 1.0
    into = (progress - (1 - decay)) / decay if decay else 0.0
    return rising * 0.5 * (1 + math.cos(math.pi * min(1.0, max(0.0, into))))


def decaying(progress: float, decay: float) -> bool:
    """Whether the last phase has begun."""
    return decay > 0 and progress >= 1 - decay
