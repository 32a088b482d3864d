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


def exclude(connection: Connection, name: str) -> None:
    """Wait until no other transaction holds ``name``, then hold it to the end of this one.

    On SQLite every writing transaction excludes all others from the start.
    """
    if connection.dialect.name == "postgresql":
        number = hashlib.blake2b(f"benchhost {name}".encode(), digest_size=8).digest()
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(int.from_bytes(number, signed=True))))


def place(engine: Engine) -> str:
    """The store as a message names it: a file, or a URL without its password."""
    return engine.url.render_as_string(hide_password=True).removeprefix("sqlite:///")


def hide_password(text: str) -> str:
    """``text`` with the passwords of all URLs in it starred out."""
    return re.sub(r"(://[^:/@\s]*):[^@\s]*@", r"\1:***@", text)
