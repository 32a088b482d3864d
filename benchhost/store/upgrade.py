"""Upgrades of older stores: pure functions on rows, one per schema version, run in one transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from benchhost.errors import StoreError
from benchhost.store import seals, tables
from benchhost.store.dialects import exclude, place

Rows = Sequence[Mapping[str, Any]]
Contents = Mapping[str, Rows]


def to_2(contents: Contents) -> Contents:
    """Runs get the numbers of their order; claims and signs of life come in, empty."""
    runs = sorted(contents["runs"], key=lambda run: (run["started_at"], run["run_id"]))
    return {**contents, "runs": [{**run, "number": number} for number, run in enumerate(runs, 1)]}


# version -> what makes contents of that version into contents of the next; sealing is left to :func:`upgrade`.
STEPS: dict[int, Callable[[Contents], Contents]] = {1: to_2}


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
        exclude(connection, "schema")
        now = connection.execute(sa.select(tables.meta.c.value).where(tables.meta.c.name == "schema_version")).scalar()
        if int(now or 0) != found:  # another process upgraded it while we waited for the lock
            return
        old = sa.MetaData()
        own = tables.metadata.tables
        old.reflect(connection, only=lambda name, _: name in own)  # a database may hold others' tables, too
        contents = {
            name: [dict(row) for row in connection.execute(sa.select(table)).mappings()]
            for name, table in old.tables.items()
        }
        fresh = upgraded(contents, found, wanted)
        old.drop_all(connection)
        tables.metadata.create_all(connection)
        for name, rows in fresh.items():
            if rows and name != "meta":
                table = tables.metadata.tables[name]
                plain = [seals.sealed(table, row) if table in seals.SEALED else dict(row) for row in rows]
                connection.execute(sa.insert(table), plain)
        write_facts(connection, wanted, written_by)


def write_facts(connection: Connection, version: int, written_by: str) -> None:
    """The rows of a new store's table ``meta``."""
    facts = {"schema_version": str(version), "written_by": written_by}
    facts["seal"] = seals.seal(tuple(facts.values()))
    connection.execute(sa.insert(tables.meta), [{"name": name, "value": value} for name, value in facts.items()])


def read_facts(connection: Connection) -> dict[str, str]:
    """The rows of ``meta``; StoreError where they are not what was written.  Schema 1 had no seal yet."""
    facts = dict(connection.execute(sa.select(tables.meta.c.name, tables.meta.c.value)).all())
    sealed = "seal" in facts or facts.get("schema_version") != "1"
    if sealed and facts.get("seal") != seals.seal((facts.get("schema_version"), facts.get("written_by"))):
        where = place(connection.engine)
        raise StoreError(
            f"the store {where} is damaged: its table 'meta' is not what was written. {seals.advice(where)}"
        )
    return facts
