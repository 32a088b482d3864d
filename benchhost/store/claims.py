"""Claims: which cells a coordinator computes at this moment, so that several on one store share the work.

A coordinator claims cells before it computes them; a claim goes, in one transaction, when its cell is recorded.  Whose
signs of life have stopped loses its claims to whoever waits for them.  A sign of life is a counter that goes up, and
each waiting process measures by its own monotonic clock how long it has not: no clock of another machine matters, and
none that is set back.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlalchemy import Connection

from benchhost.errors import StoreError
from benchhost.store import engine as _engine
from benchhost.store import process
from benchhost.store import tables as t
from benchhost.store.dialects import insert

if TYPE_CHECKING:
    from benchhost.plan import Cell
    from benchhost.store import Store

log = logging.getLogger("benchhost")
BEAT_SECONDS = 5.0
STALE_SECONDS = 60.0
_CHUNK = 5000  # keys per query: below every database's limit on parameters


class Claims:
    """The claims of one run, from entering to leaving; leaving gives back what was not computed.

    keys: of all cells that the run is to compute.
    again: those to compute although the store has them; None for all.  Others are done once the store has them.
    stale_s: seconds without a sign of life after which another coordinator's claims are taken over.

    ``elsewhere`` holds the cells that others have claimed; ``recorded`` those that others have finished meanwhile.
    """

    def __init__(
        self,
        store: Store,
        run_id: str,
        keys: Iterable[str],
        *,
        again: Collection[str] | None = None,
        stale_s: float = STALE_SECONDS,
    ) -> None:
        self._store, self._run_id, self._again, self._stale_s = store, run_id, again, stale_s
        self.elsewhere: dict[str, Cell] = {}
        self.recorded: list[Cell] = []
        self._holders: dict[str, str] = {}  # key -> run_id, of the cells elsewhere
        self._seen: dict[str, tuple[int, float]] = {}  # run_id -> its beat, and when we first saw that beat
        with _engine.reading(store.engine) as connection:
            self.before = last_attempts(connection, list(keys))
        self._over = threading.Event()
        self._heart = threading.Thread(target=self._keep_beating, daemon=True, name="benchhost-heartbeat")

    def __enter__(self) -> Claims:
        self._beat()
        self._heart.start()
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self._over.set()
        self._heart.join(timeout=BEAT_SECONDS)

        def work() -> None:
            with self._store.engine.begin() as connection:
                connection.execute(sa.delete(t.claims).where(t.claims.c.run_id == self._run_id))
                connection.execute(sa.delete(t.coordinators).where(t.coordinators.c.run_id == self._run_id))

        try:
            _engine.retried(work, seconds=5.0)
        except sa.exc.DBAPIError as error:  # others notice by the missing signs of life
            log.debug("claims of %s were not given back: %s", self._run_id, error)

    def take(self, cells: Sequence[Cell]) -> list[Cell]:
        """Those of ``cells`` that are ours to compute now; the others go to ``recorded`` or ``elsewhere``."""
        asked = {cell.key: cell for cell in cells}

        def work() -> tuple[dict[str, str], set[str]]:
            with self._store.engine.begin() as connection:
                rows = [{"key": key, "run_id": self._run_id} for key in sorted(asked)]
                connection.execute(insert(connection, t.claims).on_conflict_do_nothing(), rows)
                query = sa.select(t.claims.c.key, t.claims.c.run_id).where(t.claims.c.key.in_(asked))
                holders = dict(connection.execute(query).all())
                # Only now, with the claims ours: whoever held one before has committed its record by this time.
                done = self._done(connection, asked)
                ours = t.claims.c.key.in_(done), t.claims.c.run_id == self._run_id
                connection.execute(sa.delete(t.claims).where(*ours))
                return holders, done

        with _engine.guarded(self._store.engine):
            holders, done = _engine.retried(work)
        mine = []
        for key, cell in asked.items():
            self.elsewhere.pop(key, None)
            if key in done:
                self.recorded.append(cell)
            elif holders[key] == self._run_id:
                mine.append(cell)
            else:
                self.elsewhere[key], self._holders[key] = cell, holders[key]
        return mine

    def reclaim(self) -> list[Cell]:
        """Look at the cells elsewhere once more: those that were given up, or whose coordinator died, are ours now."""
        if not self.elsewhere:
            return []
        for dead, beat in self._dead({self._holders[key] for key in self.elsewhere}).items():
            self._bury(dead, beat)
        return self.take(list(self.elsewhere.values()))

    def _done(self, connection: Connection, asked: Mapping[str, Cell]) -> set[str]:
        keys = list(asked)
        done = {key for key, last in last_attempts(connection, keys).items() if last > self.before.get(key, 0)}
        if self._again is not None:
            once = [key for key in keys if key not in self._again]
            query = sa.select(t.cells.c.key).where(t.cells.c.key.in_(once), t.cells.c.status == "ok")
            done.update(connection.execute(query).scalars())
        return done

    def _dead(self, holders: set[str]) -> dict[str, int | None]:
        """Coordinators among ``holders`` that live no more, with the last beat they gave; None where there is none."""
        c = t.coordinators.c
        with _engine.reading(self._store.engine) as connection:
            query = sa.select(c.run_id, c.beat, c.process).where(c.run_id.in_(holders))
            known = {run_id: (beat, where) for run_id, beat, where in connection.execute(query)}
        dead: dict[str, int | None] = {holder: None for holder in holders if holder not in known}
        moment = time.monotonic()
        for run_id, (beat, where) in known.items():
            seen, since = self._seen.get(run_id, (None, moment))
            self._seen[run_id] = (beat, since if seen == beat else moment)
            if process.is_gone(where) or (seen == beat and moment - since > self._stale_s):
                dead[run_id] = beat
        return dead

    def _bury(self, dead: str, beat: int | None) -> None:
        """Free all claims of a dead coordinator, unless it has given a sign of life just now."""
        c = t.coordinators.c

        def work() -> None:
            with self._store.engine.begin() as connection:
                gone = connection.execute(sa.delete(t.coordinators).where(c.run_id == dead, c.beat == beat)).rowcount
                alive = connection.execute(sa.select(c.run_id).where(c.run_id == dead)).scalar()
                if gone or alive is None:
                    connection.execute(sa.delete(t.claims).where(t.claims.c.run_id == dead))

        with _engine.guarded(self._store.engine):
            _engine.retried(work)

    def _beat(self) -> None:
        c = t.coordinators.c
        row = {"run_id": self._run_id, "beat": 1, "process": process.identity()}

        def work() -> None:
            with self._store.engine.begin() as connection:
                statement = insert(connection, t.coordinators).values(row)
                connection.execute(
                    statement.on_conflict_do_update(index_elements=["run_id"], set_={"beat": c.beat + 1})
                )

        with _engine.guarded(self._store.engine):
            _engine.retried(work)

    def _keep_beating(self) -> None:
        while not self._over.wait(BEAT_SECONDS):
            try:
                self._beat()
            except StoreError as error:  # the next record will say so aloud
                log.debug("no sign of life from %s: %s", self._run_id, error)


def last_attempts(connection: Connection, keys: Sequence[str]) -> dict[str, int]:
    """The number of the last attempt to reconstruct, by key; keys never tried are left out."""
    a = t.attempts.c
    found: dict[str, int] = {}
    for start in range(0, len(keys), _CHUNK):
        query = sa.select(a.key, sa.func.max(a.attempt)).where(a.key.in_(keys[start : start + _CHUNK]), a.kind == "run")
        found.update(connection.execute(query.group_by(a.key)).all())
    return found
