"""The results of a run as reports read them: one tidy frame, the facts of the run, convergence traces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

if TYPE_CHECKING:
    from benchhost.report.aggregate import PerImage

COLUMNS = (
    *("run_id", "key", "task", "task_params", "level", "dataset", "image", "repeat", "seed"),
    *("method", "method_params", "method_label", "metric", "protocol", "primary", "value", "peak"),
    *("higher_is_better", "unit", "decimals", "status", "reason", "seconds", "setup_seconds", "timing_valid"),
    *("peak_rss_mb", "peak_vram_mb", "threads", "device", "trained_on_test", "finished_at", "artifact"),
)
"""Columns of the frame: one row per cell and metric; a cell that is not ok has rows too, their value is NA."""

TRACE_COLUMNS = ("key", "step", "seconds", "metric", "value")

FAILURES = ("failed", "crashed", "oom", "timeout")
"""Statuses that mean a method was tried and gave nothing; "skipped" and "pending" cells were not tried."""


CONTROLS = ("oracle", "noise")
"""Methods that frame a table unless the run names others: what is perfect, and what knows nothing."""


def _no_traces() -> pd.DataFrame:
    return pd.DataFrame(columns=list(TRACE_COLUMNS))


@dataclass(frozen=True, kw_only=True)
class Results:
    """One run, or several laid together.

    frame: columns :data:`COLUMNS`; further columns are carried along.
    run: facts, JSON-ready: run_id, command, started_at, seconds, seed, environment, results (the folder),
        controls (methods that frame a table and are never ranked in it), notes (remarks on protocols).
    traces: columns :data:`TRACE_COLUMNS`, the iterates that methods offered; ``metric`` is the whole id of the primary
        metric (``psnr/255/clip_round``), or the name of another number that a method traced (``residual``).

    Raises ValueError that names the columns which a frame lacks.
    """

    frame: pd.DataFrame
    run: Mapping[str, Any] = field(default_factory=dict)
    traces: pd.DataFrame = field(default_factory=_no_traces)

    def __post_init__(self) -> None:
        for name, frame, columns in (("results", self.frame, COLUMNS), ("traces", self.traces, TRACE_COLUMNS)):
            missing = [column for column in columns if column not in frame.columns]
            if missing:
                raise ValueError(f"the {name} frame lacks the columns {', '.join(missing)}")

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per (task level, dataset, method, metric): see :func:`benchhost.report.aggregate.aggregate`."""
        from benchhost.report.aggregate import aggregate

        return aggregate(self.frame)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """One row per cell: the frame without its metrics, for counting statuses and times."""
        from benchhost.report.aggregate import cells

        return cells(self.frame)

    @cached_property
    def per_image(self) -> PerImage:
        """The values behind each row of :attr:`table`, by its column ``group``."""
        from benchhost.report.aggregate import per_image

        return per_image(self.frame)

    @property
    def controls(self) -> frozenset[str]:
        """Names of methods that are shown but never ranked (oracle, noise)."""
        return frozenset(self.run.get("controls", CONTROLS))
