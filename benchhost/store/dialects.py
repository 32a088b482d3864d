"""Where SQLite and PostgreSQL differ: exclusion, insertion, and how a store's place reads in a message."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, Table
from sqlalchemy.dialects import postgresql, sqlite

from benchhost.errors import StoreError

_DIALECTS = {"sqlite": sqlite, "postgresql": postgresql}


def insert(connection: Connection, table: Table) -> Any:
    """An INSERT that knows ON CONFLICT."""
    return _DIALECTS[connection.dialect.name].insert(table)


def check_dialect(engine: Engine) -> None:
    """Raise StoreError for a database that is neither of the two."""
    if engine.dialect.name not in _DIALECTS:
        raise StoreError(f"stores are SQLite or PostgreSQL, not {engine.dialect.name}")


def exclude(connection: Connection, *names: str) -> None:
    """Wait until no other transaction holds one of ``names``, then hold them all to the end of this one.

    On SQLite every writing transaction excludes all others from the start.
    """
    if connection.dialect.name == "postgresql":
        digests = (hashlib.blake2b(f"benchhost {name}".encode(), digest_size=8).digest() for name in names)
        # In one order, whoever asks: two transactions that wait for each other's names would wait for ever.
        numbers = sorted({int.from_bytes(each, signed=True) for each in digests})
        rows = sa.func.unnest(sa.literal(numbers, postgresql.ARRAY(sa.BigInteger))).column_valued("number")
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(rows))).all()


def place(engine: Engine) -> str:
    """The store as a message names it: a file, or a URL without its password."""
    return engine.url.render_as_string(hide_password=True).removeprefix("sqlite:///")


def hide_password(text: str) -> str:
    """``text`` with the passwords of all URLs in it starred out."""
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)
