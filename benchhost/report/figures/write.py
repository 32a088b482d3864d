"""The ``figures`` reporter: every figure that the frame and the traces of a run allow."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchhost.report.figures.curves import convergence
from benchhost.report.figures.scatter import quality_time
from benchhost.report.results import Results


def write(results: Results, folder: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Write quality against time and convergence, per task level, as PDF and PNG below ``folder``.

    Image strips need the data sets as well as the results; ``benchhost run`` draws those.
    """
    return quality_time(results, Path(folder)) + convergence(results, Path(folder))
