"""Parameters of the prior's training, without torch."""

from __future__ import annotations

from dataclasses import dataclass

from benchhost.params import param


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
