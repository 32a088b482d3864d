"""Parameters of the classical methods, importable without torch."""

from dataclasses import dataclass
from typing import Literal

from benchhost.params import param


@dataclass(frozen=True)
class NoiseParams:
    """Parameters of the control ``noise``."""

    kind: Literal["uniform", "gaussian"] = param(
        "uniform", doc="law of the pixels; both have the same mean and variance"
    )


@dataclass(frozen=True)
class TvParams:
    """Parameters of ``tv``."""

    weight: float | None = param(
        None,
        doc="lambda in 1/2 |A x - y|^2 + lambda TV(x); 0: min TV(x) subject to A x = y; none: by task and noise level",
        minimum=0.0,
    )
    tolerance: float = param(1e-4, doc="optimality residual at which to stop, image units", minimum=0.0)
    iterations: int = param(2000, doc="most iterations", minimum=1)
    trace_every: int = param(
        50, doc="offer an iterate for the convergence record every so many iterations (a multiple of 10)", minimum=10
    )


@dataclass(frozen=True)
class WienerParams:
    """Parameters of ``wiener``."""

    spectrum: Literal["auto", "grey", "colour", "mri", "ct"] = param(
        "auto", doc="training images whose mean power spectrum is the prior; auto: by task and channels"
    )
    tolerance: float = param(5e-6, doc="relative residual of the normal equations at which to stop", minimum=0.0)
    iterations: int = param(300, doc="most conjugate gradient iterations", minimum=1)


@dataclass(frozen=True)
class DctParams:
    """Parameters of ``dct``."""

    patch: int = param(8, doc="side of the square patches, pixels", minimum=2, maximum=64)
    threshold: float = param(2.5, doc="hard threshold in units of the noise's standard deviation", minimum=0.0)
    weights: Literal["uniform", "sparsity"] = param(
        "sparsity", doc="average over overlapping patches: plain, or each by 1 / number of coefficients kept"
    )


@dataclass(frozen=True)
class Bm3dParams:
    """Parameters of ``bm3d``."""

    profile: Literal["np", "lc", "high", "refilter", "vn"] = param(
        "np", doc="parameter profile of the bm3d package: normal, low complexity, high, refilter, very noisy"
    )
    stage: Literal["all", "hard"] = param("all", doc="both stages, or hard thresholding alone (grey images)")
