"""Results for other programs: the summary and facts as JSON, every row as Parquet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchhost.report.files import write_text, write_with
from benchhost.report.results import Results
from benchhost.report.summarise import summary


def write_json(results: Results, folder: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Write ``summary.json`` (what ``run --json`` prints, and the facts of the run) and ``scores.json`` (every row)."""
    folder = Path(folder)
    whole = {**summary(results), "run": dict(results.run)}
    text = json.dumps(whole, indent=1, ensure_ascii=False, allow_nan=False, default=str)
    return [
        write_text(folder / "summary.json", text + "\n"),
        write_with(
            folder / "scores.json",
            lambda path: results.frame.to_json(
                path, orient="records", date_format="iso", double_precision=15, indent=1
            ),
        ),
    ]


def write_parquet(results: Results, folder: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Write ``scores.parquet``, and ``traces.parquet`` where methods offered iterates."""
    folder = Path(folder)
    written = [write_with(folder / "scores.parquet", lambda path: results.frame.to_parquet(path, index=False))]
    if len(results.traces):
        traces = results.traces
        written.append(write_with(folder / "traces.parquet", lambda path: traces.to_parquet(path, index=False)))
    return written
