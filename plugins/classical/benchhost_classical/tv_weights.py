"""Default lambda of ``tv`` by task and noise level, chosen on training images; torch-free.

With g the mean eigenvalue of A^T A (:func:`benchhost_classical.tv.white_gain`) and s = sigma / sqrt(g) the noise level
seen from the image, lambda = g * l(s): rescaling the operator changes nothing.  ``l`` is a table per task, grey or
colour, made by ``python -m benchhost_classical.tune_tv`` on crops of bsds500_train, mri_t1_studyforrest and
ct_cranium, interpolated in log-log and extended by its last slope.  Where nothing disturbs the measurement lambda is 0,
the equality constraint: on training images no value did better, at any level of any task.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchhost_classical.tv_table import DENOISE, JPEG, NOISY

Knots = Sequence[tuple[float, float]]


def default_weight(task: str, params: Mapping[str, Any], *, channels: int, sigma: float | None, gain: float) -> float:
    """Lambda for a problem.

    channels: 3 for colour; a complex image counts as 1.
    sigma: noise level per entry of y, root mean square (:func:`benchhost_classical.tv.noise_level`); None: unknown.
    gain: mean eigenvalue of A^T A.
    Raises ValueError where nothing is known: a task of another plugin whose noise is not white.
    """
    kind = "colour" if channels == 3 else "grey"
    if task == "jpeg":
        return interpolate(JPEG[kind], float(params.get("quality", 10)))
    if sigma is None:
        raise ValueError(f"tv has no default weight for task '{task}' without a noise level: give weight")
    if sigma == 0:
        return 0.0
    row = family(task, params)
    noisy = NOISY.get((row, kind)) or NOISY.get((row, "grey")) or DENOISE[kind]
    return gain * interpolate(noisy, sigma / gain**0.5)


def family(task: str, params: Mapping[str, Any]) -> str:
    """The row of ``NOISY`` for a task: those with unlike operators, images or noise have several."""
    if task == "deblur":
        return "deblur/gaussian" if params.get("kernel", "gaussian") == "gaussian" else "deblur/motion"
    if task == "ct" and params.get("noise") == "poisson":
        return "ct/poisson"
    if task == "mri" and params.get("protocol") == "ista":
        return "mri/ista"
    return task


def interpolate(knots: Knots, at: float) -> float:
    """Piecewise linear in (log at, log value), extended by the nearest slope; a single knot is a constant."""
    if len(knots) == 1:
        return knots[0][1]
    xs = [math.log(x) for x, _ in knots]
    i = min(max(sum(x < math.log(at) for x in xs) - 1, 0), len(knots) - 2)
    (_, v0), (_, v1) = knots[i], knots[i + 1]
    share = (math.log(at) - xs[i]) / (xs[i + 1] - xs[i])
    return math.exp((1 - share) * math.log(v0) + share * math.log(v1))
