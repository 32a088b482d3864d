"""The ``figures`` reporter: every figure that the frame and the traces of a run allow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchhost.errors import UsageError
from benchhost.report.figures.curves import convergence
from benchhost.report.figures.images import boxes, paired_dots
from benchhost.report.figures.levels import quality_level
from benchhost.report.figures.memory import memory_bars
from benchhost.report.figures.ranks import critical_difference_diagram
from benchhost.report.figures.scatter import quality_time
from benchhost.report.results import Results

FIGURES = (quality_time, quality_level, convergence, paired_dots, boxes, memory_bars, critical_difference_diagram)
NARROWEST = 3.0


def write(results: Results, folder: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Write every figure that the results allow, as PDF and PNG below ``folder``.

    options: ``width`` of the figures in inches (3.4 and 7 are one and both columns of a paper); by default what suits
        the number of panels.
    Image strips need the data sets as well as the results; ``benchhost run`` draws those.
    """
    width = _width((options or {}).get("width"))
    return [path for figure in FIGURES for path in figure(results, Path(folder), width=width)]


def _width(value: Any) -> float | None:
    if value is None:
        return None
    try:
        found = float(value)
    except (TypeError, ValueError):
        raise UsageError(f"width '{value}' is not a number of inches") from None
    if not NARROWEST <= found <= 20:
        raise UsageError(f"a figure can be {NARROWEST:g} to 20 inches wide, got {found:g}")
    return found
