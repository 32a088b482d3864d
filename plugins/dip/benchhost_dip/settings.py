"""What the official notebooks set per task, and the narrow recipe for CPUs; no torch here.

Source of the paper's table: Ulyanov, Vedaldi and Lempitsky, "Deep Image Prior", CVPR 2018, and the notebooks of
https://github.com/DmitryUlyanov/deep-image-prior (denoising, super-resolution, inpainting, restoration).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from benchhost.errors import UsageError
from benchhost_dip.params import DipParams


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The hourglass ``skip()``: scales from the outermost in, one entry of ``down``, ``up``, ``skip`` each.

    inputs: channels of the fixed input z.  meshgrid: z holds the two pixel coordinates instead of uniform noise.
    down_kernel, up_kernel: sizes of the convolutions on the way down and up.
    pool: halve by 2 x 2 means after a convolution with stride 1, instead of by stride.
    mix: a further 1 x 1 convolution after each on the way up.
    refine: a second convolution at each scale on the way down.
    renormalise: batch norm of what comes from below and across, before it is convolved.
    border: what convolutions see beyond the image.
    coarse: features of a last convolution at full resolution, behind a hourglass that lives, with its input, at half
        the resolution; 0: the hourglass itself is at full resolution.
    """

    down: tuple[int, ...]
    up: tuple[int, ...]
    skip: tuple[int, ...]
    inputs: int = 32
    meshgrid: bool = False
    down_kernel: int = 3
    up_kernel: int = 3
    upsample: Literal["bilinear", "nearest"] = "bilinear"
    pool: bool = False
    mix: bool = True
    refine: bool = True
    renormalise: bool = True
    border: Literal["reflect", "zeros"] = "reflect"
    coarse: int = 0


@dataclass(frozen=True, kw_only=True)
class Settings:
    """All that one run of DIP needs to know, numbers only.

    learning_rate: Adam's.  warmup: steps over which it rises linearly from zero.
    input_noise: standard deviation of the fresh Gaussian noise on z at every step.
    ema: decay of the average of outputs; 0 returns the last output.
    ramp: the decay starts small and grows, t / (t + ramp) at step t, until it reaches ``ema``: an average over the
        last t / ramp steps does not drag the first, grey outputs along.  0: ``ema`` from the first step on.
    backtrack: restore the weights when the data term rises by more than this many dB between two checks; 0: never.
    tv: weight of isotropic total variation in the loss by the noise level, see ``DataTerm.smoothing``.
    filtered: measure the residual behind the task's linear baseline (CT), see ``DataTerm``.
    consistent: end with x + A_dagger(y - A x) where y is exact and A_dagger at hand.  The truth lies in the affine
        space A x = y, so an exact A_dagger moves every x closer to it; a few steps of CGLS move it part of the way.
    stop: the rule where sigma is unknown or zero; known noise is stopped by discrepancy.
    low_precision: bfloat16 for all but the last layer.
    """

    architecture: Architecture
    iterations: int
    learning_rate: float = 0.01
    warmup: int = 0
    input_noise: float = 1 / 30
    ema: float = 0.99
    ramp: int = 0
    backtrack: float = 0.0
    tv: float = 0.0
    filtered: bool = False
    consistent: bool = False
    stop: Literal["discrepancy", "validation", "variance", "none"] = "none"
    tau: float = 1.0
    holdout: float = 0.05
    patience: int = 1000
    low_precision: bool = False


def _default(skip: int, **changes: Any) -> Architecture:
    """The default network of the paper (table in its supplement): five scales of 128 features."""
    return Architecture(down=(128,) * 5, up=(128,) * 5, skip=(skip,) * 5, **changes)


_SNAIL = Architecture(down=(8, 16, 32, 64, 128), up=(8, 16, 32, 64, 128), skip=(0, 0, 0, 4, 4), inputs=3)
_LIBRARY = Architecture(
    down=(16, 32, 64, 128, 128, 128),
    up=(16, 32, 64, 128, 128, 128),
    skip=(0,) * 6,
    inputs=1,
    down_kernel=5,
    upsample="nearest",
    mix=False,
)
_SPARSE = Architecture(down=(16, 32, 64, 128, 128), up=(16, 32, 64, 128, 128), skip=(0,) * 5, pool=True)

# The paper averages outputs in denoising and restoration only; elsewhere the last output is the result (ema = 0).
PAPER: Mapping[str, Settings] = {
    "denoise": Settings(architecture=_default(4), iterations=3000, backtrack=5.0),
    "jpeg": Settings(architecture=_SNAIL, iterations=2400, backtrack=5.0),
    "sr-x4": Settings(architecture=_default(4), iterations=2000, input_noise=0.03, ema=0.0),
    "sr-x8": Settings(architecture=_default(4), iterations=4000, input_noise=0.05, ema=0.0),
    "inpaint-text": Settings(
        architecture=_default(128, upsample="nearest"), iterations=6001, input_noise=0.03, ema=0.0
    ),
    "inpaint-region": Settings(
        architecture=_default(0, upsample="nearest", inputs=2, meshgrid=True),
        iterations=5001,
        input_noise=0.03,
        ema=0.0,
    ),
    "inpaint-library": Settings(architecture=_LIBRARY, iterations=3001, input_noise=0.0, ema=0.0),
    "inpaint-half": Settings(
        architecture=_default(4), iterations=11000, learning_rate=0.001, input_noise=0.03, ema=0.0
    ),
    # Not of the authors: Baguer et al., "Computed tomography reconstruction using deep image prior and learned
    # reconstruction methods", Inverse Problems 2020, ellipses.  Total variation is part of their loss; ours has its
    # own units, so that its weight is the one chosen here.
    "ct": Settings(
        architecture=Architecture(down=(128,) * 5, up=(128,) * 5, skip=(0, 0, 0, 0, 4), inputs=1),
        iterations=10000,
        learning_rate=0.001,
        input_noise=0.0,
        ema=0.0,
        tv=0.6,
    ),
    "inpaint-sparse": Settings(architecture=_SPARSE, iterations=1000, input_noise=0.0, ema=0.0),
}


_NARROW = Architecture(
    down=(32, 64, 64),
    up=(32, 32, 64),
    skip=(32,) * 3,
    mix=False,
    refine=False,
    renormalise=False,
    border="zeros",
    coarse=16,
)
_DEEP = replace(_NARROW, down=(32, 64, 64, 64), up=(32, 32, 64, 64), skip=(32,) * 4)

_FAST = Settings(
    architecture=_NARROW,
    iterations=700,
    learning_rate=0.02,
    warmup=30,
    input_noise=0.01,  # where sigma is unknown
    ramp=20,
    backtrack=5.0,
    tv=0.6,
    consistent=True,
    patience=150,
)
# Little noise is left to average out where the measurements are nearly exact; and where large parts of the image are
# not measured directly, one scale more reaches across them.
_EXACT = replace(_FAST, iterations=400, input_noise=0.003)
_WIDE = replace(_EXACT, architecture=_DEEP)
FAST: Mapping[str, Settings] = {
    "denoise": _FAST,
    "deblur": _FAST,
    "jpeg": replace(_FAST, iterations=350),
    "cs": _EXACT,
    "sr": _WIDE,
    "inpaint": _WIDE,
    "mri": replace(_WIDE, tv=2.0),
    "ct": replace(_WIDE, filtered=True),
}


def resolve(
    params: DipParams,
    *,
    task: str,
    task_params: Mapping[str, Any],
    image_shape: tuple[int, int, int],
    sigma: float | None,
    bfloat16: bool,
) -> Settings:
    """The settings of one run: the recipe's for the task, and on top whatever ``params`` says.

    bfloat16: whether the device multiplies it natively.
    """
    if params.recipe == "paper":
        settings = PAPER[params.notebook or _notebook(task, task_params)]
        if task == "denoise" and sigma is not None and sigma > 40 / 255:
            settings = replace(settings, input_noise=1 / 20)  # what the notebook says for sigma = 50
    else:
        settings = _fast(task, image_shape)
        if sigma and not settings.filtered:
            # Weak noise: more detail to fit and less to average out.  Chosen at 15, 25 and 50 grey levels.
            settings = replace(settings, input_noise=max(0.001, 0.1 * sigma))
    stop = params.stop
    if stop == "auto":
        stop = "discrepancy" if sigma else settings.stop
    elif stop == "discrepancy" and not sigma:
        raise UsageError("dip: stop=discrepancy needs a noise level above zero; use stop=auto, validation or none")
    given = {
        name: value
        for name in (
            "iterations",
            "learning_rate",
            "input_noise",
            "ema",
            "tv",
            "tau",
            "holdout",
            "patience",
            "consistent",
        )
        if (value := getattr(params, name)) is not None
    }
    low = params.precision == "bfloat16" or (params.precision == "auto" and params.recipe == "fast" and bfloat16)
    return replace(settings, stop=stop, low_precision=low, **given)


def _notebook(task: str, task_params: Mapping[str, Any]) -> str:
    """The official notebook nearest to a task; denoising's where the paper has none (README: choices)."""
    if task == "sr":
        return "sr-x8" if task_params.get("scale", 4) > 4 else "sr-x4"
    if task == "inpaint":
        if task_params.get("mask") == "box":
            return "inpaint-region"
        return "inpaint-sparse" if task_params.get("keep", 0.5) < 0.05 else "inpaint-half"
    return task if task in ("jpeg", "ct") else "denoise"


def _fast(task: str, image_shape: tuple[int, int, int]) -> Settings:
    """The narrow recipe, chosen at 128 x 128: more steps for larger images, fewer scales for very small ones.

    One network serves every pixel, so that a larger image takes more steps to fit: in proportion to its side, up to
    2.5 times.  The deepest grid keeps 4 x 4 places.
    """
    settings, (_, height, width) = FAST.get(task, _WIDE), image_shape
    growth = min(2.5, max(1.0, math.sqrt(height * width) / 128))
    a = settings.architecture
    depth = max(1, min(len(a.down), min(height, width).bit_length() - 4))
    return replace(
        settings,
        iterations=round(growth * settings.iterations),
        architecture=replace(a, down=a.down[:depth], up=a.up[:depth], skip=a.skip[:depth]),
    )
