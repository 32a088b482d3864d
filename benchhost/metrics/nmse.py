"""NMSE by fastMRI's definition: squared error over squared truth, both summed over the whole volume."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from benchhost.errors import MetricUnavailable
from benchhost.metrics.compared import compared

if TYPE_CHECKING:
    from benchhost.types import View


def nmse_volume(view: View) -> float:
    """norm(estimate - truth)^2 / norm(truth)^2; no clipping, no unit."""
    estimate, truth = compared(view)
    energy = float(np.sum(np.square(truth)))
    if energy == 0:
        raise MetricUnavailable("the truth is zero everywhere: NMSE divides by its energy")
    return float(np.sum(np.square(estimate - truth))) / energy
