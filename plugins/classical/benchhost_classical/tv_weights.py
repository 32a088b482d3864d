"""Default lambda of ``tv`` by task and noise level, chosen on training images; torch-free.

With g the mean eigenvalue of A^T A (:func:`benchhost_classical.tv.white_gain`) and s = sigma / sqrt(g) the noise level
seen from the image, lambda = g * l(s): rescaling the operator changes nothing.  ``l`` is a table per task, grey or
colour, made by ``python -m benchhost_classical.tune_tv`` on crops of bsds500_train, mri_t1_studyforrest and
ct_cranium, interpolated in log-log and extended by its last slope.  Where nothing disturbs the measurement l is a
table by the task's own level (ratio, scale, views), and 0, the equality constraint, where no value did better.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from benchhost_classical.tv_table import DENOISE, EXACT, JPEG, NOISY, POISSON

Knots = Sequence[tuple[float, float]]
LEVELS = {"cs": ("ratio", 0.25), "sr": ("scale", 4), "inpaint": ("keep", 0.5), "ct": ("views", 60)}
LEVELS["mri"] = ("acceleration", 4)


def default_weight(task: str, params: Mapping[str, Any], *, channels: int, sigma: float | None, gain: float) -> float:
    """Lambda for a problem.

    channels: 3 for colour; a complex image counts as 1.
    sigma: noise level per entry of y; None where the noise is of another kind.
    gain: mean eigenvalue of A^T A.
    Raises ValueError where nothing is known: a task of another plugin whose noise is not white.
    """
    kind = "colour" if channels == 3 else "grey"
    if task == "jpeg":
        return interpolate(JPEG[kind], float(params.get("quality", 10)))
    if sigma is None:
        if task not in POISSON:
            raise ValueError(f"tv has no default weight for task '{task}' without a noise level: give weight")
        return gain * interpolate(POISSON[task], float(params.get("photons", 4096)))
    exact = EXACT.get((task, kind)) or EXACT.get((task, "grey"))
    least = interpolate(exact, float(params.get(*LEVELS[task]))) if exact else 0.0
    if sigma == 0:
        return gain * least
    family = "deblur/gaussian" if params.get("kernel", "gaussian") == "gaussian" else "deblur/motion"
    row = family if task == "deblur" else task
    noisy = NOISY.get((row, kind)) or NOISY.get((row, "grey")) or DENOISE[kind]
    return gain * max(least, interpolate(noisy, sigma / gain**0.5))


def interpolate(knots: Knots, at: float) -> float:
    """Piecewise linear in (log at, log value), extended by the nearest slope; a single knot is a constant."""
    if len(knots) == 1:
        return knots[0][1]
    xs = [math.log(x) for x, _ in knots]
    i = min(max(sum(x < math.log(at) for x in xs) - 1, 0), len(knots) - 2)
    (_, v0), (_, v1) = knots[i], knots[i + 1]
    share = (math.log(at) - xs[i]) / (xs[i + 1] - xs[i])
    return math.exp((1 - share) * math.log(v0) + share * math.log(v1))
