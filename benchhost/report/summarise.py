"""The summary that scripts read: ``benchhost run --json`` prints it and nothing else."""

from __future__ import annotations

import math
from typing import Any

from benchhost.report.results import Results

_ROW = ("task", "level", "dataset", "method", "metric", "protocol", "mean", "sd", "n", "median_seconds")


def summary(results: Results) -> dict[str, Any]:
    """``{"run_id", "status": {status: cells}, "rows": [...]}``, safe for JSON: what has no finite value is None.

    A row has task, level, dataset, method (its label: ``dip``, or ``dip:iterations=500`` where a parameter was
    given), metric, protocol, mean and sd over images (sd is None for fewer than two), n (images with a value) and
    median_seconds.  Each task's primary metric comes first.  A method that gave nothing has a row with n = 0.
    """
    table = results.table.drop(columns="method").rename(columns={"method_label": "method"})
    rows = [
        {name: _plain(value) for name, value in zip(_ROW, values, strict=True)}
        for values in table[list(_ROW)].itertuples(index=False, name=None)
    ]
    status = results.cells["status"].value_counts()
    counts = {str(name): int(count) for name, count in status.items() if count}
    return {"run_id": str(results.run.get("run_id", "")), "status": {"ok": 0, **counts}, "rows": rows}


def _plain(value: Any) -> Any:
    """A built-in value of JSON."""
    if isinstance(value, str):
        return value
    if value is None or value != value or (isinstance(value, float) and math.isinf(value)):
        return None
    return float(value) if isinstance(value, float) else int(value)
