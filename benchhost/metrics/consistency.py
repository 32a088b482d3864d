"""Consistency with the measurement, norm(A x - y) / norm(y): catches operators that drift and methods that invent."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from benchhost.errors import MetricUnavailable

if TYPE_CHECKING:
    from benchhost.types import View


def consistency_l2(view: View) -> float:
    """The figure that the runner computed on the estimate's whole canvas, before any clipping or rounding."""
    if math.isnan(view.consistency):
        raise MetricUnavailable("the task has no operator A to compare A x with y")
    return float(view.consistency)
