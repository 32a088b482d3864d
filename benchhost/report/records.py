"""A run's rows and facts in one Parquet file, to be kept, published and reported from without its store."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from benchhost.errors import UsageError
from benchhost.report.results import COLUMNS, Results

FACTS = b"benchhost"
OF_THE_PLACE = {"cwd", "results", "store", "host"}
"""Facts that say where a run lay; they mean nothing elsewhere."""
_PLACES = re.compile(r"""\s--(?:results|store)(?:=|\s+)(?:'[^']*'|"[^"]*"|\S+)""")


def write_records(results: Results, path: str | Path) -> Path:
    """Write one run as Parquet, its facts as JSON in the file's metadata; written aside and renamed.

    Folders, the host's name and convergence traces are left out, in the command ``--results`` and ``--store``.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    table = pa.Table.from_pandas(results.frame, preserve_index=False)
    facts = json.dumps(_portable(results.run), sort_keys=True).encode()
    table = table.replace_schema_metadata({**(table.schema.metadata or {}), FACTS: facts})
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        pq.write_table(table, aside, compression="zstd")
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path


def read_records(paths: Sequence[str | Path]) -> Results:
    """The results in files of :func:`write_records`, laid together in their order.

    Raises UsageError naming the file that is absent, damaged or holds no run, and runs of different seeds: their
    measurements differ, so no table may compare them.
    """
    read = [_read(Path(path)) for path in paths]
    frame = pd.concat([frame for frame, _ in read], ignore_index=True) if len(read) > 1 else read[0][0]
    runs = [run for _, run in read]
    if len({run.get("seed") for run in runs}) > 1:
        seeds = ", ".join(f"{run.get('run_id')} has seed {run.get('seed')}" for run in runs)
        raise UsageError(f"these records do not belong in one table: {seeds}")
    together = dict(runs[0])
    if len(runs) > 1:
        together["run_id"] = " + ".join(str(run.get("run_id")) for run in runs)
        together["command"] = "; ".join(dict.fromkeys(str(run.get("command")) for run in runs))
        together["started_at"] = min(str(run.get("started_at")) for run in runs)
        together["seconds"] = sum(run.get("seconds") or 0 for run in runs)
    return Results(frame=frame, run=together)


def _read(path: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if not path.is_file():
        raise UsageError(f"no records '{path}' (looked in {Path.cwd()})")
    try:
        table = pq.read_table(path)
        facts = json.loads((table.schema.metadata or {}).get(FACTS, b"null"))
    except (pa.ArrowException, OSError, ValueError) as error:
        raise UsageError(f"'{path}' is damaged or no Parquet file: {error}") from error
    missing = [column for column in COLUMNS if column not in table.column_names]
    if not isinstance(facts, dict) or missing:
        raise UsageError(f"'{path}' holds no run: make it with benchhost export {path.name}")
    return table.to_pandas(), facts


def _portable(run: Mapping[str, Any]) -> dict[str, Any]:
    """The facts without those of the place, at any depth."""
    kept = {
        key: _portable(value) if isinstance(value, Mapping) else value
        for key, value in run.items()
        if key not in OF_THE_PLACE
    }
    return kept | {"command": _PLACES.sub("", str(kept["command"]))} if kept.get("command") else kept
