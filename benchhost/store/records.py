"""Writing one record: the attempt, the cell's latest state, its scores and its trace."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table
from sqlalchemy.dialects import postgresql, sqlite

from benchhost.errors import StoreError
from benchhost.store import tables as t

if TYPE_CHECKING:
    from benchhost.plan import Cell
    from benchhost.types import Metric

Pair = tuple["Cell", Mapping[str, Any]]
_TIMES = ("seconds", "setup_seconds", "timing_valid", "load1", "peak_rss_mb", "peak_vram_mb", "threads", "device")
_PLAIN = (*_TIMES, "peak", "y_digest", "physics_id", "artifact", "started_at", "finished_at")
_LAST = (
    sa.select(t.attempts.c.attempt, t.attempts.c.run_id, t.attempts.c.kind, t.attempts.c.started_at)
    .where(t.attempts.c.key == sa.bindparam("key"))
    .order_by(t.attempts.c.attempt.desc())
)
_TRIED = sa.select(t.attempts.c.key).where(t.attempts.c.key.in_(sa.bindparam("keys", expanding=True)))
# Statements are made once: building and hashing them anew would cost more than the database does.
_STATUS = sa.select(t.cells.c.status).where(t.cells.c.key == sa.bindparam("key"))
_NEW_ATTEMPT, _NEW_TRACE = sa.insert(t.attempts), sa.insert(t.traces)
_FORGET = [sa.delete(table).where(table.c.key == sa.bindparam("old")) for table in (t.scores, t.traces)]
_RETIME = sa.update(t.cells).where(t.cells.c.key == sa.bindparam("old"))


def add(
    connection: Connection, run_id: str, cell: Cell, record: Mapping[str, Any], known: set[tuple[str, int]]
) -> None:
    """Write ``record`` of ``cell``; nothing where this very attempt is there already.

    known: metric versions that are in the table of metrics already; grows.
    """
    kind = record.get("kind", "run")
    if kind not in ("run", "time", "score"):
        raise StoreError(f"a record is of kind run, time or score, got {kind!r}")
    tries = connection.execute(_LAST, {"key": cell.key}).all()
    if any((run_id, kind, record["started_at"]) == tuple(row[1:]) for row in tries):
        return
    attempt = tries[0][0] + 1 if tries else 1
    connection.execute(_NEW_ATTEMPT, _attempt(run_id, cell, record, kind, attempt))
    ok = record["status"] == "ok"
    if kind == "run" and (ok or not tries or connection.execute(_STATUS, {"key": cell.key}).scalar() != "ok"):
        _replace(connection, t.cells, [_cell(run_id, cell, record, attempt)])
        for forget in _FORGET if tries else ():
            connection.execute(forget, {"old": cell.key})
        if ok and record.get("trace", {}).get("step"):
            connection.execute(_NEW_TRACE, {"key": cell.key, "rows": json.dumps(record["trace"])})
    elif kind == "time" and ok:
        connection.execute(_RETIME, {"old": cell.key, **{name: record.get(name) for name in _TIMES}})
    if ok and kind in ("run", "score"):
        _add_scores(connection, [(cell, record)], known)


def add_all(connection: Connection, run_id: str, pairs: Sequence[Pair], known: set[tuple[str, int]]) -> None:
    """Write the record of each cell, as :func:`add` does.

    First attempts, which all but a few are, take one statement a table; a cell with a history, or one that comes twice,
    goes by itself.
    """
    count = Counter(cell.key for cell, _ in pairs)
    tried = set(connection.execute(_TRIED, {"keys": list(count)}).scalars())

    def is_first(cell: Cell, record: Mapping[str, Any]) -> bool:
        return cell.key not in tried and count[cell.key] == 1 and record.get("kind", "run") == "run"

    if first := [pair for pair in pairs if is_first(*pair)]:
        connection.execute(_NEW_ATTEMPT, [_attempt(run_id, *pair, "run", 1) for pair in first])
        _replace(connection, t.cells, [_cell(run_id, *pair, 1) for pair in first])
        done = [pair for pair in first if pair[1]["status"] == "ok"]
        traces = {cell.key: record["trace"] for cell, record in done if record.get("trace", {}).get("step")}
        if traces:
            connection.execute(_NEW_TRACE, [{"key": key, "rows": json.dumps(rows)} for key, rows in traces.items()])
        _add_scores(connection, done, known)
    for cell, record in pairs:
        if not is_first(cell, record):
            add(connection, run_id, cell, record, known)


def metric_row(metric: Metric) -> dict[str, Any]:
    """The facts of a metric that every table of results needs."""
    return {
        "metric": metric.id,
        "version": metric.version,
        "higher_is_better": metric.higher_is_better,
        "unit": metric.unit,
        "decimals": metric.decimals,
    }


def insert_new(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert those of ``rows`` whose primary key is not there yet."""
    if rows:
        connection.execute(_dialect(connection).insert(table).on_conflict_do_nothing(), list(rows))


def _add_scores(connection: Connection, pairs: Sequence[Pair], known: set[tuple[str, int]]) -> None:
    fresh: dict[tuple[str, int], Mapping[str, Any]] = {}
    rows: list[dict[str, Any]] = []
    for cell, record in pairs:
        facts = record.get("metric_facts", {})
        fresh |= {(m, facts[m]["version"]): facts[m] for m in record["scores"] if m in facts}
        rows += _scores(cell, record)
    insert_new(connection, t.metrics, [row for metric, row in fresh.items() if metric not in known])
    known.update(fresh)
    if rows:
        _replace(connection, t.scores, rows)


def _scores(cell: Cell, record: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    facts = record.get("metric_facts", {})
    for metric, value in record["scores"].items():
        reason = record.get("metric_reasons", {}).get(metric, "")
        usable = value is not None and not math.isnan(value)
        yield {
            "key": cell.key,
            "metric": metric,
            "version": facts.get(metric, {}).get("version", 1),
            "value": value if usable else None,
            "reason": reason if usable else reason or "no value",
        }


def _attempt(run_id: str, cell: Cell, record: Mapping[str, Any], kind: str, attempt: int) -> dict[str, Any]:
    failure = record.get("exception") or {}
    return {
        "key": cell.key,
        "attempt": attempt,
        "run_id": run_id,
        "kind": kind,
        "status": record["status"],
        "reason": record["reason"],
        "seconds": record.get("seconds"),
        "exception_type": failure.get("type"),
        "exception_message": failure.get("message"),
        "traceback": failure.get("traceback"),
        "exit_code": record.get("exit_code"),
        "signal": record.get("signal"),
        "started_at": record["started_at"],
        "finished_at": record.get("finished_at"),
    }


def _cell(run_id: str, cell: Cell, record: Mapping[str, Any], attempt: int) -> dict[str, Any]:
    return {
        "key": cell.key,
        "measurement_key": cell.measurement_key,
        "run_id": run_id,
        "attempt": attempt,
        "status": record["status"],
        "reason": record["reason"],
        "notes": json.dumps(record.get("notes", {})),
        **{name: record.get(name) for name in _PLAIN},
    }


def _replace(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    statement = _REPLACE.get((connection.dialect.name, table.name))
    if statement is None:
        statement = _dialect(connection).insert(table)
        names = [column.name for column in table.primary_key]
        others = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in names}
        statement = statement.on_conflict_do_update(index_elements=names, set_=others)
        _REPLACE[connection.dialect.name, table.name] = statement
    connection.execute(statement, list(rows) if len(rows) > 1 else rows[0])


_REPLACE: dict[tuple[str, str], Any] = {}


def _dialect(connection: Connection) -> Any:
    dialects = {"sqlite": sqlite, "postgresql": postgresql}
    if connection.dialect.name not in dialects:
        raise StoreError(f"stores are SQLite or PostgreSQL, not {connection.dialect.name}")
    return dialects[connection.dialect.name]
