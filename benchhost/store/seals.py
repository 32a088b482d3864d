"""A checksum in every row: a value that changed on the disk is noticed where it is read, and never shown."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Boolean, Column, Connection, Float, Integer, Table

from benchhost.errors import StoreError
from benchhost.store import tables
from benchhost.store.dialects import place

SEALED = tuple(table for table in tables.metadata.sorted_tables if "seal" in table.columns)
Row = Mapping[str, Any]


def sealed(table: Table, row: Row) -> dict[str, Any]:
    """``row`` with every column of ``table`` as both databases give it back, and with its checksum."""
    full = {
        name: None if (value := row.get(name)) is None else convert(value) for name, convert in _CONVERT[table.name]
    }
    full["seal"] = seal(tuple(full.values()))
    return full


def seal(values: tuple[Any, ...]) -> str:
    """BLAKE2b-64 (16 hex digits) of a row's values in the order of the table's columns, without the seal."""
    return hashlib.blake2b(ascii(values).encode("ascii"), digest_size=8).hexdigest()


def is_whole(table: Table, row: Row) -> bool:
    """Whether a row as it was read is what was written."""
    return row["seal"] == seal(tuple(row[name] for name, _ in _CONVERT[table.name]))


def restored(table: Table, raw: Row) -> dict[str, Any] | None:
    """A row as a bare driver gave it, in the types of its columns; None where it is not what was written."""
    try:
        row = sealed(table, raw)
    except (TypeError, ValueError, OverflowError):
        return None
    return row if raw.get("seal") == row["seal"] else None


def damaged(connection: Connection, table: Table, where: Any = None) -> Iterator[dict[str, Any]]:
    """The rows of ``table`` whose checksum does not fit them."""
    query = sa.select(*(table.columns[name] for name, _ in _CONVERT[table.name]), table.columns.seal)
    names = [name for name, _ in _CONVERT[table.name]]
    for row in connection.execute(query if where is None else query.where(where)):
        values = tuple(row)
        if values[-1] != seal(values[:-1]):
            yield dict(zip(names, values[:-1], strict=True))


def verify(connection: Connection, table: Table, where: Any = None) -> None:
    """Raise StoreError, naming the row, where one of ``table`` is not what was written."""
    for row in damaged(connection, table, where):
        raise StoreError(refusal(connection, table, row))


def change(connection: Connection, table: Table, where: Any, changes: Row) -> None:
    """Change columns of the rows that ``where`` picks, and seal them anew; a damaged one is refused instead."""
    keys = [column.name for column in table.primary_key]
    for row in connection.execute(sa.select(table).where(where)).mappings().all():
        if not is_whole(table, row):
            raise StoreError(refusal(connection, table, row))
        fresh = sealed(table, {**row, **changes})
        same = sa.and_(*(table.columns[name] == row[name] for name in keys))
        connection.execute(sa.update(table).where(same).values({k: v for k, v in fresh.items() if k not in keys}))


def refusal(connection: Connection, table: Table, row: Row) -> str:
    """What to say of a damaged row: which, where, and what to do."""
    where = place(connection.engine)
    return f"the store {where} is damaged: {name_of(table, row)} is not what was written. {advice(where)}"


def name_of(table: Table, row: Row) -> str:
    """A row by its key, for a message."""
    keys = ", ".join(f"{column.name} {row[column.name]}" for column in table.primary_key)
    return f"the row of '{table.name}' with {keys}"


def advice(where: str) -> str:
    """What to do about a damaged store."""
    return (
        f"'benchhost doctor --store {where}' says what is lost, and with '--rebuild NEW' saves the rest; or move the "
        "file away and run the same command again"
    )


def _text(value: Any) -> str:
    """Text that both databases hold: PostgreSQL knows no NUL, and neither knows half a surrogate pair."""
    text = str(value)
    if text.isascii():
        return text.replace("\0", "\N{REPLACEMENT CHARACTER}") if "\0" in text else text
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}").encode("utf-8", "backslashreplace").decode()


def _number(value: Any) -> float | None:
    number = float(value) + 0.0  # SQLite forgets the sign of -0.0, PostgreSQL does not
    return None if math.isnan(number) else number  # nor does it make this NULL


def _converter(column: Column) -> Callable[[Any], Any]:
    if isinstance(column.type, Boolean):
        return bool
    if isinstance(column.type, Float):
        return _number
    return int if isinstance(column.type, Integer) else _text


_CONVERT: dict[str, Sequence[tuple[str, Callable[[Any], Any]]]] = {
    table.name: [(column.name, _converter(column)) for column in table.columns if column.name != "seal"]
    for table in SEALED
}
