"""Upgrades of older stores: pure functions on rows, one per schema version, run in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Engine

from benchhost.errors import StoreError
from benchhost.store import tables

Rows = Sequence[Mapping[str, Any]]
Contents = Mapping[str, Rows]

# version -> what makes contents of that version into contents of the next; none yet: 1 is the first schema.
STEPS: dict[int, Callable[[Contents], Contents]] = {}


def upgraded(contents: Contents, found: int, wanted: int) -> Contents:
    """``contents`` (rows by table name) of schema ``found`` as rows of schema ``wanted``."""
    for version in range(found, wanted):
        if version not in STEPS:
            raise StoreError(
                f"no upgrade from schema {version} to {version + 1}: the store is too old for this benchhost"
            )
        contents = STEPS[version](contents)
    return contents


def upgrade(engine: Engine, found: int, wanted: int, *, written_by: str) -> None:
    """Rewrite a store in place; a copy of an SQLite file is kept beside it as ``NAME.schemaN``."""
    if engine.dialect.name == "sqlite":
        copy = Path(f"{engine.url.database}.schema{found}")
        copy.unlink(missing_ok=True)
        with closing(sqlite3.connect(engine.url.database)) as plain:
            plain.execute("VACUUM INTO ?", (str(copy),))
    with engine.begin() as connection:
        now = connection.execute(sa.select(tables.meta.c.value).where(tables.meta.c.name == "schema_version")).scalar()
        if int(now or 0) != found:  # another process upgraded it while we waited for the lock
            return
        old = sa.MetaData()
        old.reflect(connection)
        contents = {
            name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for name, table in old.tables.items()
        }
        fresh = upgraded(contents, found, wanted)
        old.drop_all(connection)
        tables.metadata.create_all(connection)
        for name, rows in fresh.items():
            if rows and name != "meta":
                connection.execute(sa.insert(tables.metadata.tables[name]), [dict(row) for row in rows])
        facts = {"schema_version": str(wanted), "written_by": written_by}
        connection.execute(sa.insert(tables.meta), [{"name": k, "value": v} for k, v in facts.items()])
