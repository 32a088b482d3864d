"""Writing one record: the attempt, the cell's latest state, its scores and its trace."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Connection, Table

from benchhost.errors import StoreError
from benchhost.store import tables as t
from benchhost.store.dialects import insert
from benchhost.store.seals import change, sealed

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
_RECORDED = sa.delete(t.claims).where(t.claims.c.key == sa.bindparam("recorded"))
_ALL_RECORDED = sa.delete(t.claims).where(t.claims.c.key.in_(sa.bindparam("recorded", expanding=True)))
_FORGET = [sa.delete(table).where(table.c.key == sa.bindparam("old")) for table in (t.scores, t.traces)]


def add(
    connection: Connection,
    run_id: str,
    cell: Cell,
    record: Mapping[str, Any],
    known: set[tuple[str, int]],
    after: int | None = None,
) -> bool:
    """Write ``record`` of ``cell``; nothing where this very attempt is there already.

    known: metric versions that are in the table of metrics already; grows.
    after: see :meth:`benchhost.store.Store.add`.  Returns False where another run's later attempt is there.
    """
    kind = record.get("kind", "run")
    if kind not in ("run", "time", "score"):
        raise StoreError(f"a record is of kind run, time or score, got {kind!r}")
    tries = connection.execute(_LAST, {"key": cell.key}).all()
    if any((run_id, kind, record["started_at"]) == tuple(row[1:]) for row in tries):
        return True
    if kind == "run":
        connection.execute(_RECORDED, {"recorded": cell.key})
        if after is not None and any(n > after and what == "run" and by != run_id for n, by, what, _ in tries):
            return False
    attempt = tries[0][0] + 1 if tries else 1
    connection.execute(_NEW_ATTEMPT, sealed(t.attempts, _attempt(run_id, cell, record, kind, attempt)))
    ok = record["status"] == "ok"
    if kind == "run" and (ok or not tries or connection.execute(_STATUS, {"key": cell.key}).scalar() != "ok"):
        _replace(connection, t.cells, [_cell(run_id, cell, record, attempt)])
        for forget in _FORGET if tries else ():
            connection.execute(forget, {"old": cell.key})
        if ok and record.get("trace", {}).get("step"):
            trace = {"key": cell.key, "rows": json.dumps(record["trace"])}
            connection.execute(_NEW_TRACE, sealed(t.traces, trace))
    elif kind == "time" and ok:
        change(connection, t.cells, t.cells.c.key == cell.key, {name: record.get(name) for name in _TIMES})
    if ok and kind in ("run", "score"):
        _add_scores(connection, [(cell, record)], known)
    return True


def add_all(
    connection: Connection,
    run_id: str,
    pairs: Sequence[Pair],
    known: set[tuple[str, int]],
    after: Mapping[str, int] | None = None,
) -> list[bool]:
    """Write the record of each cell, as :func:`add` does; returns what it returns for each.

    First attempts, which all but a few are, take one statement a table; a cell with a history, or one that comes twice,
    goes by itself.
    after: by key, see :meth:`benchhost.store.Store.add_all`.
    """
    count = Counter(cell.key for cell, _ in pairs)
    tried = set(connection.execute(_TRIED, {"keys": list(count)}).scalars())

    def is_first(cell: Cell, record: Mapping[str, Any]) -> bool:
        return cell.key not in tried and count[cell.key] == 1 and record.get("kind", "run") == "run"

    if first := [pair for pair in pairs if is_first(*pair)]:
        connection.execute(_ALL_RECORDED, {"recorded": [cell.key for cell, _ in first]})
        rows = [_attempt(run_id, *pair, "run", 1) for pair in first]
        connection.execute(_NEW_ATTEMPT, [sealed(t.attempts, row) for row in rows])
        _replace(connection, t.cells, [_cell(run_id, *pair, 1) for pair in first])
        done = [pair for pair in first if pair[1]["status"] == "ok"]
        traces = [(cell.key, json.dumps(r["trace"])) for cell, r in done if r.get("trace", {}).get("step")]
        if traces:
            connection.execute(_NEW_TRACE, [sealed(t.traces, {"key": key, "rows": text}) for key, text in traces])
        _add_scores(connection, done, known)
    return [
        is_first(cell, record)
        or add(connection, run_id, cell, record, known, None if after is None else after.get(cell.key, 0))
        for cell, record in pairs
    ]


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
        # In one order, whoever inserts: two writers that wait for each other's rows would wait for ever.
        keys = [column.name for column in table.primary_key]
        rows = sorted((sealed(table, row) for row in rows), key=lambda row: [row[name] for name in keys])
        connection.execute(insert(connection, table).on_conflict_do_nothing(), rows)


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
        statement = insert(connection, table)
        names = [column.name for column in table.primary_key]
        others = {c.name: statement.excluded[c.name] for c in table.columns if c.name not in names}
        statement = statement.on_conflict_do_update(index_elements=names, set_=others)
        _REPLACE[connection.dialect.name, table.name] = statement
    rows = [sealed(table, row) for row in rows]
    connection.execute(statement, rows if len(rows) > 1 else rows[0])


_REPLACE: dict[tuple[str, str], Any] = {}
