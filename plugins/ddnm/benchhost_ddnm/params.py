"""Parameters of the prior's training and of the samplers, without torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from benchhost.errors import UsageError
from benchhost.params import as_dict, param


@dataclass(frozen=True)
class PriorParams:
    """The network and how its noise levels are drawn.  Sigmas are relative to images in [-1, 1]: 2 x that on [0, 1]."""

    channels: int = param(1, doc="1: grey (luma of colour files by MATLAB's rule); 3: colour", choices=(1, 3))
    widths: tuple[int, ...] = param(
        (64, 128, 192, 128), doc="features per scale, the first at half resolution", minimum=8
    )
    down: tuple[int, ...] = param((1, 1, 1, 1), doc="residual blocks per scale on the way down", minimum=0)
    up: tuple[int, ...] = param((2, 2, 1, 0), doc="residual blocks per scale on the way up", minimum=0)
    embedding: int = param(64, doc="width of the noise-level embedding", minimum=4)
    focus: float = param(0.45, doc="share of samples with log-uniform sigma in the denoisers' range, 0.06 to 0.8",
                         minimum=0.0, maximum=1.0)  # fmt: skip
    wide: float = param(0.4, doc="share with log-uniform sigma from 0.02 to 8; the rest: uniform over the 1000 steps",
                        minimum=0.0, maximum=1.0)  # fmt: skip

    def __post_init__(self) -> None:
        if self.focus + self.wide > 1:
            raise ValueError(f"focus and wide are shares of one whole, got {self.focus} + {self.wide}")


@dataclass(frozen=True)
class DenoiserParams:
    """Parameters of ``denoiser``: which prior, and how it is computed."""

    weights: str | None = param(None, doc="file of a prior from `benchhost train prior`; none: the shipped grey one")
    precision: Literal["auto", "fp32", "bf16"] = param(
        "auto", doc="of the network; auto: bf16 on GPUs and on CPUs that multiply it natively.  Images are fp32 always"
    )

    def key(self) -> dict[str, Any]:
        """Content for keys: a file of weights counts by its bytes."""
        values = as_dict(self)
        if self.weights is not None:
            from benchhost.data.checksums import sha256_of

            path = Path(self.weights).expanduser()
            if not path.is_file():
                raise UsageError(f"no file of weights {path} (looked for it from {Path.cwd()})")
            values["weights"] = "sha256:" + sha256_of(path)
        return values


@dataclass(frozen=True)
class DdnmParams(DenoiserParams):
    """Parameters of ``ddnm``."""

    steps: int = param(100, doc="T, rungs of the ladder down the schedule's 1000 steps", minimum=1, maximum=1000)
    eta: float = param(1.0, doc="share of fresh noise in a step: 0 deterministic, 1 all fresh", minimum=0, maximum=1)
    travel_length: int = param(1, doc="l, steps that time travel goes back", minimum=1)
    travel_repeat: int = param(1, doc="r, times that each stretch of l steps is walked; 1: no time travel", minimum=1)
    renoise: Literal["x0", "xt"] = param(
        "x0", doc="time travel puts noise on the latest x_0|t (authors' code) or on x_t"
    )


@dataclass(frozen=True)
class DdnmPlusParams(DdnmParams):
    """Parameters of ``ddnm_plus``."""

    eta: float = param(0.85, doc="share of fresh noise in a step: 0 deterministic, 1 all fresh", minimum=0, maximum=1)
    form: Literal["auto", "scalar", "spectral"] = param(
        "auto", doc="one lambda and gamma, or one per singular value; auto: spectral where the operator gives its SVD"
    )
