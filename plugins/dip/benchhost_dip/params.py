"""Parameters of DIP; None means what the recipe says for the task."""

from dataclasses import dataclass
from typing import Literal

from benchhost.params import param

NOTEBOOKS = (
    "denoise",
    "jpeg",
    "sr-x4",
    "sr-x8",
    "inpaint-text",
    "inpaint-region",
    "inpaint-library",
    "inpaint-half",
    "inpaint-sparse",
    "ct",
)


@dataclass(frozen=True)
class DipParams:
    """Every value that can change a reconstruction."""

    recipe: Literal["fast", "paper"] = param(
        "fast",
        doc="network and schedule: of the official notebooks, or the narrow ones made for CPUs",
    )
    notebook: Literal[NOTEBOOKS] | None = param(
        None, doc="recipe=paper: which official notebook's settings to use; none: chosen by the task"
    )
    iterations: int | None = param(None, doc="upper limit of optimisation steps", minimum=1)
    learning_rate: float | None = param(None, doc="Adam's step size", minimum=0.0)
    input_noise: float | None = param(
        None, doc="standard deviation of the noise added to the network's input at every step", minimum=0.0
    )
    ema: float | None = param(
        None, doc="decay of the running average of outputs that is returned; 0: the last output", minimum=0.0, maximum=1
    )
    tv: float | None = param(
        None, doc="weight of total variation in the loss, relative to a mean squared data term", minimum=0.0
    )
    consistent: bool | None = param(
        None, doc="exact measurements: end with the projection onto the images that explain them, x + A_dagger(y - A x)"
    )
    stop: Literal["auto", "discrepancy", "validation", "variance", "none"] = param(
        "auto",
        doc="when to stop; auto: discrepancy where sigma is known and positive, else what the recipe says",
    )
    tau: float | None = param(None, doc="discrepancy: stop at a mean squared residual of tau sigma^2", minimum=0.0)
    holdout: float = param(
        0.05, doc="validation: fraction of the measurements kept out of the loss", minimum=0.0, maximum=0.5
    )
    patience: int | None = param(
        None, doc="validation, variance: steps without a new minimum before stopping", minimum=1
    )
    seeds: int = param(1, doc="independent runs whose outputs are averaged", minimum=1)
    precision: Literal["auto", "float32", "bfloat16"] = param(
        "auto", doc="arithmetic of the network; auto: recipe=fast uses bfloat16 where the CPU multiplies it natively"
    )
