"""The result frame: one row a cell and metric, joined from the tables in a few queries."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pandas as pd
import sqlalchemy as sa
from sqlalchemy import Connection

from benchhost.errors import unknown
from benchhost.store import tables as t
from benchhost.store.seals import verify

COLUMNS = (
    "run_id", "key", "task", "task_params", "level", "dataset", "image", "repeat", "seed", "method", "method_params",
    "method_label", "metric", "protocol", "primary", "value", "peak", "higher_is_better", "unit", "decimals", "status",
    "reason", "seconds", "setup_seconds", "timing_valid", "peak_rss_mb", "peak_vram_mb", "threads", "device",
    "trained_on_test", "finished_at", "artifact",
)  # fmt: skip

_TEXT = "string"
_TYPES = {
    **dict.fromkeys(
        ("run_id", "key", "task", "task_params", "level", "dataset", "image", "method", "method_params", "method_label",
         "metric", "protocol", "unit", "status", "reason", "device", "artifact"),
        _TEXT,
    ),
    **dict.fromkeys(("value", "peak", "seconds", "setup_seconds", "peak_rss_mb", "peak_vram_mb"), "Float64"),
    **dict.fromkeys(("repeat", "seed", "decimals", "threads"), "Int64"),
    **dict.fromkeys(("primary", "higher_is_better", "timing_valid", "trained_on_test"), "boolean"),
}  # fmt: skip
_CELL = ("status", "reason", "peak", "seconds", "setup_seconds", "timing_valid", "peak_rss_mb", "peak_vram_mb",
         "threads", "device", "finished_at", "artifact")  # fmt: skip


def results(connection: Connection, run_id: str | None) -> pd.DataFrame:
    """See :meth:`benchhost.store.Store.frame`."""
    chosen = _chosen(connection, run_id)
    of_run = sa.select(t.run_cells.c.key).where(chosen(t.run_cells))
    for table in (t.run_batches, t.run_cells, t.attempts):
        verify(connection, table, chosen(table))
    for table in (t.cells, t.scores):
        verify(connection, table, table.c.key.in_(of_run))
    verify(connection, t.metrics)
    cells = _cells(connection, chosen)
    batches = _query(connection, sa.select(t.run_batches).where(chosen(t.run_batches)))
    asked = _asked(batches, _query(connection, sa.select(t.metrics)).drop(columns="seal"))
    scores = _query(
        connection,
        sa.select(t.scores.c.key, t.scores.c.metric.label("id"), t.scores.c.version, t.scores.c.value,
                  t.scores.c.reason.label("why"))
        .where(t.scores.c.key.in_(of_run)),
    )  # fmt: skip
    shared = batches.drop(columns=["metrics", "seal"])
    frame = cells.merge(shared, on=["run_id", "batch"]).merge(asked, on=["run_id", "batch"])
    frame["key"] = frame["key"].astype(_TEXT)
    scores = scores.astype({"key": _TEXT, "id": _TEXT, "version": "int64", "value": "Float64", "why": _TEXT})
    frame = frame.merge(scores, on=["key", "id", "version"], how="left")
    skipped = frame["skip"] != ""
    frame["status"] = frame["status"].mask(skipped, "skipped")
    ok = frame["status"] == "ok"
    why = frame["why"].mask(~(ok & frame["value"].isna()))  # of a metric without a value
    frame["reason"] = frame["reason"].mask(skipped, frame["skip"].astype(_TEXT)).mask(why.notna(), why)
    frame["value"] = frame["value"].mask(~ok)
    frame["peak"] = frame["peak"].mask(~ok | ~frame["primary"].astype(bool))
    frame = frame.sort_values(["run_id", "position", "order"], kind="stable", ignore_index=True)
    return typed(frame)


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """The columns of :data:`COLUMNS` in their order and types; unknown values are NA, reasons and paths are ""."""
    frame = frame.reindex(columns=list(COLUMNS))
    frame = frame.astype({name: kind for name, kind in _TYPES.items() if name in frame})
    frame["finished_at"] = pd.to_datetime(frame["finished_at"], utc=True, format="ISO8601")
    for name in ("reason", "artifact", "unit"):
        frame[name] = frame[name].fillna("")
    return frame


def traces(connection: Connection, run_id: str | None) -> pd.DataFrame:
    """See :meth:`benchhost.store.Store.traces`."""
    chosen = _chosen(connection, run_id)
    of_run = t.traces.c.key.in_(sa.select(t.run_cells.c.key).where(chosen(t.run_cells)))
    verify(connection, t.traces, of_run)
    query = sa.select(t.traces.c.key, t.traces.c.rows).where(of_run)
    parts = [pd.DataFrame({"key": key, **json.loads(rows)}) for key, rows in connection.execute(query)]
    empty = pd.DataFrame({"key": [], "step": [], "seconds": [], "metric": [], "value": []})
    frame = pd.concat(parts, ignore_index=True) if parts else empty
    return frame.astype({"key": _TEXT, "step": "Int64", "seconds": "Float64", "metric": _TEXT, "value": "Float64"})


def attempts(connection: Connection, run_id: str | None) -> pd.DataFrame:
    """See :meth:`benchhost.store.Store.attempts`."""
    chosen = _chosen(connection, run_id)
    verify(connection, t.attempts, chosen(t.attempts))
    columns = [column for column in t.attempts.c if column.name != "seal"]
    query = sa.select(*columns).where(chosen(t.attempts))
    return _query(connection, query.order_by(t.attempts.c.started_at, t.attempts.c.key, t.attempts.c.attempt))


def runs(connection: Connection) -> pd.DataFrame:
    """See :meth:`benchhost.store.Store.runs`."""
    columns = [
        t.runs.c[name] for name in ("run_id", "started_at", "finished_at", "status", "seconds", "cells", "command")
    ]
    frame = _query(connection, sa.select(*columns).order_by(t.runs.c.number))
    for name in ("started_at", "finished_at"):
        frame[name] = pd.to_datetime(frame[name], utc=True, format="ISO8601")
    return frame


def statuses(connection: Connection, run_id: str) -> Counter[str]:
    """How many cells of a run are in which status."""
    b = t.run_batches.c
    skip = _query(connection, sa.select(b.batch, b.skip).where(b.run_id == run_id))
    frame = _cells(connection, _chosen(connection, run_id)).merge(skip, on="batch")
    return Counter(frame["status"].where(frame["skip"] == "", "skipped"))


def timings(connection: Connection) -> dict[tuple[str, str, str, str], float]:
    """See :meth:`benchhost.store.Store.timings`."""
    b, r, c = t.run_batches.c, t.run_cells.c, t.cells.c
    columns = (b.task, b.dataset, b.method, b.method_params)
    query = (
        sa.select(*columns, sa.func.avg(c.seconds))
        .select_from(t.cells)
        .join(t.run_cells, (r.key == c.key) & (r.run_id == c.run_id))
        .join(t.run_batches, (b.run_id == r.run_id) & (b.batch == r.batch))
        .where(c.status == "ok")
        .group_by(*columns)
    )
    return {tuple(row[:4]): row[4] for row in connection.execute(query) if row[4] is not None}


def run_row(connection: Connection, run_id: str | None) -> dict[str, Any]:
    """The row of a run; None for the latest.  UsageError names the nearest run."""
    query = sa.select(t.runs)
    if run_id is None:
        query = query.order_by(t.runs.c.number.desc(), t.runs.c.run_id.desc()).limit(1)
    else:
        query = query.where(t.runs.c.run_id == run_id)
    row = connection.execute(query).mappings().first()
    if row is None:
        known = connection.execute(sa.select(t.runs.c.run_id)).scalars().all()
        raise unknown("run", run_id or "latest", known, where="the store")
    verify(connection, t.runs, t.runs.c.run_id == row["run_id"])
    return {name: value for name, value in row.items() if name not in ("number", "seal")}


def _chosen(connection: Connection, run_id: str | None) -> Any:
    if run_id is None:
        return lambda table: sa.true()
    wanted = run_row(connection, run_id)["run_id"]
    return lambda table: table.c.run_id == wanted


def _cells(connection: Connection, chosen: Any) -> pd.DataFrame:
    """One row a cell of the run: the store's record of its key, or this run's own failure."""
    c = t.cells.c
    cells = _query(
        connection,
        sa.select(
            *(col for col in t.run_cells.c if col.name != "seal"),
            c.run_id.label("made_by"),
            *(c[name] for name in _CELL),
        )
        .select_from(t.run_cells.outerjoin(t.cells, t.run_cells.c.key == c.key))
        .where(chosen(t.run_cells)),
    )
    cells = cells.astype({name: _TYPES.get(name, _TEXT) for name in _CELL})
    cells["status"] = cells["status"].fillna("pending")
    # A cell that an older run finished and this run (--fresh) failed on must not show the older success.
    a = t.attempts.c
    names = ("run_id", "key", "status", "reason", "seconds", "finished_at")
    own = _query(
        connection,
        sa.select(*(a[name] for name in names)).where(chosen(t.attempts), a.kind == "run").order_by(a.attempt),
    ).drop_duplicates(["run_id", "key"], keep="last")
    failed = own[own["status"] != "ok"].set_index(["run_id", "key"])
    index = pd.MultiIndex.from_frame(cells[["run_id", "key"]])
    mine = index.isin(failed.index) & (cells["status"] == "ok").to_numpy()
    if mine.any():
        later = failed.loc[index[mine]]
        for name in ("status", "reason", "seconds", "finished_at"):
            cells.loc[mine, name] = later[name].array
        for name in set(_CELL) - set(names):
            cells.loc[mine, name] = pd.NA
    return cells


def _asked(batches: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Which metrics each batch asked for, in order, with their facts: columns run_id, batch, order, primary, id, ..."""
    newest = metrics.sort_values("version").drop_duplicates("metric", keep="last").set_index("metric")["version"]
    rows = [
        (run_id, batch, order, order == 0, id, int(version if version is not None else newest.get(id, 1)))
        for run_id, batch, asked in zip(batches["run_id"], batches["batch"], batches["metrics"], strict=True)
        for order, (id, version) in enumerate(json.loads(asked))
    ]
    frame = pd.DataFrame(rows, columns=["run_id", "batch", "order", "primary", "id", "version"])
    frame["id"] = frame["id"].astype(_TEXT)
    frame["metric"] = frame["id"].str.replace("/.*", "", regex=True)
    frame["protocol"] = frame["id"].str.replace("^[^/]*/?", "", regex=True) + "@" + frame["version"].astype(_TEXT)
    facts = metrics.rename(columns={"metric": "id"}).astype({"id": _TEXT, "version": "int64"})
    frame["version"] = frame["version"].astype("int64")
    return frame.merge(facts, on=["id", "version"], how="left")


def _query(connection: Connection, query: sa.Select) -> pd.DataFrame:
    result = connection.execute(query)
    names = list(result.keys())
    return pd.DataFrame(list(map(tuple, result.all())), columns=names)  # plain tuples: pandas inspects every other kind
