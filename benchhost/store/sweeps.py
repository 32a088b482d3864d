"""Which of many keys the store has: a look-up each, or one pass over the table where they are a good part of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from benchhost.store import tables as t

CHUNK = 5000  # keys per query: below every database's limit on parameters
SWEEP_ABOVE = 20_000  # keys from which a pass over a table is considered
SHARE = 20  # and is quicker than look-ups, unless the table is more than so many times as long


def finished(connection: Connection, keys: Collection[str]) -> set[str]:
    """Those of ``keys`` that have an ok record; the texts are the caller's own, so that a million take no more room."""
    own = {key: key for key in keys}
    query = sa.select(t.cells.c.key).where(t.cells.c.status == "ok")
    return {own[key] for (key,) in _rows(connection, query, t.cells.c.key, own) if key in own}


def cells(connection: Connection, keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """The row of each of ``keys`` that has one, by key."""
    found = {}
    for start in range(0, len(keys), CHUNK):
        query = sa.select(t.cells).where(t.cells.c.key.in_(keys[start : start + CHUNK]))
        found |= {row["key"]: dict(row) for row in connection.execute(query).mappings()}
    return found


def scored(connection: Connection, keys: Collection[str]) -> Iterator[tuple[str, set[tuple[str, int]]]]:
    """Each of ``keys`` that has a score with a value, with the (metric, version) of all of them."""
    s = t.scores.c
    query = sa.select(s.key, s.metric, s.version).where(s.value.is_not(None))
    wanted = {key: key for key in keys}
    for key, rows in groupby(_rows(connection, query, s.key, wanted, s.metric, s.version), key=itemgetter(0)):
        if key in wanted:
            yield wanted[key], {(metric, version) for _, metric, version in rows}


def _rows(
    connection: Connection, query: sa.Select, column: Any, keys: Mapping[str, str], *further: Any
) -> Iterator[Any]:
    """Rows of ``query`` for ``keys``, those of a key together; in a pass, rows of other keys are among them."""
    query = query.order_by(column, *further) if further else query
    if len(keys) > SWEEP_ABOVE:
        length = connection.execute(sa.select(sa.func.count()).select_from(column.table)).scalar_one()
        if length <= SHARE * len(keys):
            yield from connection.execution_options(yield_per=10_000).execute(query)
            return
    wanted = list(keys)
    for start in range(0, len(wanted), CHUNK):
        yield from connection.execute(query.where(column.in_(wanted[start : start + CHUNK])))
