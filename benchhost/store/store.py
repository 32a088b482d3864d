"""The store as the runner and the command line see it: begin a run, add records, ask what is there."""

from __future__ import annotations

import json
import secrets
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

import sqlalchemy as sa

from benchhost.errors import StoreError
from benchhost.keys import canonical
from benchhost.store import engine as _engine
from benchhost.store import frames, planned, records, sweeps
from benchhost.store import tables as t
from benchhost.store.dialects import exclude
from benchhost.store.environment import capture, environment_id
from benchhost.store.seals import change, sealed

if TYPE_CHECKING:
    import pandas as pd

    from benchhost.plan import Cell
    from benchhost.store.records import Pair
    from benchhost.types import Metric

T = TypeVar("T")


class Store:
    """Results at a URL or in a folder (``results/`` holds ``benchhost.sqlite``).

    Several processes may write at once.  Every record is one transaction: what :meth:`add` returned from survives
    ``kill -9``.  Raises StoreError for a damaged file, a newer schema or a place that cannot be written.
    """

    def __init__(self, place: str | Path) -> None:
        self.url = _engine.store_url(place)
        self.engine = _engine.connect(self.url)
        self._known_metrics: set[tuple[str, int]] = set()
        self._begun: dict[str, float] = {}  # run_id -> time.monotonic(), of the runs that began here

    @classmethod
    def open(cls, place: str | Path) -> Store:
        """Open the store at an SQLAlchemy URL, in a results folder or in a file; made where there is none."""
        return cls(place)

    def close(self) -> None:
        """Give the database connections back."""
        self.engine.dispose()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()

    # ----------------------------------------------------------------------------------------------- writing

    def begin_run(
        self,
        facts: Mapping[str, Any],
        cells: Sequence[Cell],
        *,
        metrics: Mapping[str, Metric] | None = None,
        environment: Mapping[str, Any] | None = None,
    ) -> str:
        """Register a run and its cells; returns its run_id.

        facts: JSON-ready: ``command`` (text), the resolved configuration, whatever the report should know.
        metrics: the catalogue's metrics by id: their versions, directions and units go into every row of this run.
        environment: as :func:`benchhost.store.capture` gives it (the default).
        """
        now = datetime.now(UTC)
        run_id = f"{now:%Y%m%dT%H%M%S}-{secrets.token_hex(3)}"
        surroundings = dict(environment if environment is not None else capture(device=str(facts.get("device", "cpu"))))
        batches, rows = planned.rows(run_id, cells, metrics or {})
        run = {
            "run_id": run_id,
            "started_at": now.isoformat(),
            "status": "running",
            "cells": len(rows),
            "command": str(facts.get("command", "")),
            "environment": environment_id(surroundings),
            "facts": canonical(dict(facts)),
        }

        def work() -> None:
            with self.engine.begin() as connection:
                exclude(connection, "runs")
                if connection.execute(sa.select(t.runs.c.run_id).where(t.runs.c.run_id == run_id)).scalar():
                    return  # it was written, and the connection broke before the database could say so
                environments = [{"id": run["environment"], "facts": canonical(surroundings)}]
                records.insert_new(connection, t.environments, environments)
                records.insert_new(connection, t.metrics, [records.metric_row(m) for m in (metrics or {}).values()])
                number = connection.execute(sa.select(sa.func.max(t.runs.c.number))).scalar() or 0
                connection.execute(sa.insert(t.runs), [sealed(t.runs, {**run, "number": number + 1})])
                if rows:
                    connection.execute(sa.insert(t.run_batches), batches)
                    connection.execute(sa.insert(t.run_cells), rows)

        self._write(work)
        self._begun[run_id] = time.monotonic()
        return run_id

    def note(self, run_id: str, **facts: Any) -> None:
        """Add to the facts of a run; JSON-ready values, later ones win."""

        def work() -> None:
            r = t.runs.c
            with self.engine.begin() as connection:
                exclude(connection, "runs")
                text = connection.execute(sa.select(r.facts).where(r.run_id == run_id)).scalar() or "{}"
                changed = canonical({**json.loads(text), **facts})
                change(connection, t.runs, r.run_id == run_id, {"facts": changed})

        self._write(work)

    def add_metrics(self, run_id: str, metrics: Sequence[str]) -> list[Cell]:
        """Let a run ask for further metrics; returns its finished cells, which ask for them now."""

        def work() -> None:
            b = t.run_batches.c
            with self.engine.begin() as connection:
                exclude(connection, "runs")
                rows = connection.execute(sa.select(b.batch, b.metrics).where(b.run_id == run_id)).all()
                for batch, text in rows:
                    asked = json.loads(text)
                    asked += [[id, None] for id in metrics if id not in [known for known, _ in asked]]
                    here = sa.and_(b.run_id == run_id, b.batch == batch)
                    change(connection, t.run_batches, here, {"metrics": json.dumps(asked)})

        self._write(work)
        cells = self.cells(run_id)
        done = self.finished(cell.key for cell in cells)
        return [cell for cell in cells if cell.key in done]

    def finish_run(self, run_id: str, *, seconds: float | None = None) -> Counter[str]:
        """Close a run: "finished", or "interrupted" when cells are pending; returns its cells by status.

        seconds: how long it took; by default since it began.
        """
        with self._read() as connection:
            counts = frames.statuses(connection, run_id)
            started = connection.execute(sa.select(t.runs.c.started_at).where(t.runs.c.run_id == run_id)).scalar()
        if started is None:
            raise StoreError(f"the store has no run '{run_id}'")
        now = datetime.now(UTC)
        took = seconds
        if took is None and run_id in self._begun:  # the clock may have been set since
            took = time.monotonic() - self._begun[run_id]
        elif took is None:
            took = max(0.0, (now - datetime.fromisoformat(started)).total_seconds())
        status = "interrupted" if counts.get("pending") else "finished"

        def work() -> None:
            with self.engine.begin() as connection:
                exclude(connection, "runs")
                changes = {"status": status, "finished_at": now.isoformat(), "seconds": took}
                change(connection, t.runs, t.runs.c.run_id == run_id, changes)

        self._write(work)
        return counts

    def add(self, run_id: str, cell: Cell, record: Mapping[str, Any], *, after: int | None = None) -> bool:
        """Store what happened to a cell, in one transaction; adding the same record again changes nothing.

        ``record["kind"]`` says what it is: "run" (a reconstruction), "time" (a timing pass over a finished cell:
        changes its times alone) or "score" (more metrics of a stored reconstruction: changes its scores alone).
        An ok record is never replaced by a failure; the failure stays among the attempts, and the run in which it
        happened shows it.

        after: the number of the last attempt when the cell was claimed.  Where another run has recorded a later one,
        because this process was taken for dead, the record is dropped and False returned.
        """

        def work() -> bool:
            with self._adding([cell.key]) as (connection, known):
                return records.add(connection, run_id, cell, record, known, after)

        return self._write(work)

    def add_all(self, run_id: str, pairs: Sequence[Pair], *, after: Mapping[str, int] | None = None) -> list[bool]:
        """The same for several cells with their records, in that order, in one transaction; what it is for each.

        after: by key; a key that is not in it had never been tried when it was claimed.  None: nothing was claimed.
        """

        def work() -> list[bool]:
            with self._adding([cell.key for cell, _ in pairs]) as (connection, known):
                return records.add_all(connection, run_id, pairs, known, after)

        return self._write(work)

    # ----------------------------------------------------------------------------------------------- asking

    def finished(self, keys: Iterable[str]) -> set[str]:
        """Those of ``keys`` whose reconstruction is there.  Failed attempts are never hits."""
        with self._read() as connection:
            return sweeps.finished(connection, set(keys))

    def missing_metrics(self, cells: Iterable[Cell], *, metrics: Mapping[str, Metric] | None = None) -> list[Cell]:
        """Those of ``cells`` that are finished but lack a metric they ask for; see :meth:`lacking_metrics`."""
        cells = list(cells)
        lacking = self.lacking_metrics(cells, metrics=metrics)
        return [cell for cell in cells if cell.key in lacking]

    def lacking_metrics(
        self, cells: Iterable[Cell], *, metrics: Mapping[str, Metric] | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Metric ids that finished cells still lack, by key; cells that lack none are left out.

        A metric without a value (unavailable when it was asked for) counts as lacking: it may be available by now.
        With ``metrics`` (the catalogue's), a value of another version of the metric counts as lacking too.
        """
        asked = {cell.key: cell.metrics for cell in cells}
        lacking: dict[str, tuple[str, ...]] = {}
        versions = {id: metric.version for id, metric in (metrics or {}).items()}
        with self._read() as connection:
            unseen = sweeps.finished(connection, asked.keys())
            for key, present in sweeps.scored(connection, unseen.copy()):
                there = {metric for metric, version in present if versions.get(metric, version) == version}
                if not there.issuperset(asked[key]):
                    lacking[key] = tuple(metric for metric in asked[key] if metric not in there)
                unseen.discard(key)
        return lacking | {key: asked[key] for key in unseen if asked[key]}

    def status(self, keys: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Columns of the table ``cells`` by key, for the keys that have a record."""
        with self._read() as connection:
            return sweeps.cells(connection, list(dict.fromkeys(keys)))

    def timings(self) -> dict[tuple[str, str, str, str], float]:
        """Mean seconds an image by (task, dataset, method, method_params as canonical JSON), over all ok cells."""
        with self._read() as connection:
            return frames.timings(connection)

    def frame(self, run_id: str | None = None) -> pd.DataFrame:
        """One row a cell and metric, columns as in :data:`benchhost.store.frames.COLUMNS`.

        run_id: a run; None for all runs, one after the other.
        Cells answered from the cache show the cached values; cells not yet run have status "pending"; a cell that
        failed in this run shows that failure, even where an older run had succeeded.
        """
        with self._read() as connection:
            return frames.results(connection, run_id)

    def traces(self, run_id: str | None = None) -> pd.DataFrame:
        """Convergence records of a run's cells: columns key, step, seconds, metric, value."""
        with self._read() as connection:
            return frames.traces(connection, run_id)

    def attempts(self, run_id: str | None = None) -> pd.DataFrame:
        """Every try of a run, with exception, traceback, exit code and signal."""
        with self._read() as connection:
            return frames.attempts(connection, run_id)

    def runs(self) -> pd.DataFrame:
        """One row a run, oldest first: run_id, started_at, finished_at, status, seconds, cells, command."""
        with self._read() as connection:
            return frames.runs(connection)

    def run(self, run_id: str | None = None) -> dict[str, Any]:
        """All that is known of a run (the latest by default): its facts, its row, its environment.

        Raises UsageError with the nearest run_id.
        """
        with self._read() as connection:
            row = frames.run_row(connection, run_id)
            query = sa.select(t.environments.c.facts).where(t.environments.c.id == row["environment"])
            surroundings = connection.execute(query).scalar()
        own = json.loads(row.pop("facts"))
        return {**own, **row, "environment": json.loads(surroundings) if surroundings else {}}

    def cells(self, run_id: str | None = None) -> list[Cell]:
        """The cells of a run, in order, as they were planned."""
        with self._read() as connection:
            return planned.cells(connection, frames.run_row(connection, run_id)["run_id"])

    @contextmanager
    def _adding(self, keys: Sequence[str]) -> Iterator[tuple[sa.Connection, set[tuple[str, int]]]]:
        known = self._known_metrics.copy()
        with self.engine.begin() as connection:
            exclude(connection, *keys)
            yield connection, known
        self._known_metrics = known  # committed: what is rolled back is not known

    def _read(self) -> AbstractContextManager[sa.Connection]:
        return _engine.reading(self.engine)

    def _write(self, work: Callable[[], T]) -> T:
        with _engine.guarded(self.engine):
            return _engine.retried(work)
