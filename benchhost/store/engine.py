"""Opening a store: created whole or not at all, checked for its schema, and refused with a reason."""

from __future__ import annotations

import os
import re
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from benchhost.errors import StoreError
from benchhost.store import seals, tables, upgrade
from benchhost.store.dialects import check_dialect, exclude, hide_password, place

T = TypeVar("T")
FILE_NAME = "benchhost.sqlite"
BUSY_SECONDS = 30.0
DAMAGE = r"malformed|not a database|corrupt|no such (table|column)|decode to UTF-8|unsupported file format"
CHECK_BYTES = 64 * 2**20  # a quick_check of this much takes about a tenth of a second
SMALL_BYTES = 8 * 2**20  # so does the check of every index and every row's seal of this much


def store_url(place: str | Path) -> str:
    """The SQLAlchemy URL of a results folder, a file or a URL."""
    text = str(place)
    if "://" in text:
        return text
    path = Path(place)
    file = path if path.suffix in (".sqlite", ".db") else path / FILE_NAME
    return f"sqlite:///{file.resolve()}"


def connect(url: str) -> Engine:
    """An engine on a store of the current schema, made or upgraded where needed; StoreError says what is wrong."""
    try:
        parsed = sa.make_url(url)
        file = Path(parsed.database) if parsed.get_backend_name() == "sqlite" and parsed.database else None
        if file is not None:
            _create(file)
        engine = sa.create_engine(url, **_arguments(file))
    except ModuleNotFoundError as error:
        hint = f"; pip install 'benchhost[{error.name}]'" if error.name == "psycopg" else ""
        raise StoreError(f"cannot open the store {hide_password(url)!r}: {error}{hint}") from error
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError) as error:
        raise StoreError(f"cannot open the store {hide_password(url)!r}: {error}") from error
    check_dialect(engine)
    if file is not None:
        sa.event.listen(engine, "connect", _sqlite_settings)
        sa.event.listen(engine, "begin", _begin_immediate)
    with guarded(engine):
        _check(engine, file)
    return engine


@contextmanager
def guarded(engine: Engine) -> Iterator[None]:
    """Turn what the database raises into a StoreError that names the store and what to do."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        where = place(engine)
        reason = str(error.orig or error).strip()
        if isinstance(error.orig, sqlite3.DatabaseError) and re.search(DAMAGE, reason):
            raise StoreError(f"the store {where} is damaged ({reason}). {seals.advice(where)}") from error
        if isinstance(error.orig, sqlite3.OperationalError) and re.search(r"disk|readonly", reason):
            raise StoreError(f"the store {where} cannot be written: {reason}") from error
        raise StoreError(f"the store {where} cannot be used: {reason}") from error


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection that never takes the write lock; its database errors come out as StoreError."""
    with guarded(engine), engine.execution_options(reads=True).connect() as connection:
        yield connection


def retried(work: Callable[[], T], *, seconds: float = BUSY_SECONDS) -> T:
    """Run ``work``, again while another process holds the database or its server is away, for at most ``seconds``."""
    end = time.monotonic() + seconds
    while True:
        try:
            return work()
        except sa.exc.DBAPIError as error:
            if not _passes(error) or time.monotonic() > end:
                raise
            time.sleep(0.05)


def _passes(error: sa.exc.DBAPIError) -> bool:
    """Whether what the database complains of may be over in a moment."""
    if isinstance(error.orig, sqlite3.Error):
        return isinstance(error, sa.exc.OperationalError) and ("locked" in str(error) or "busy" in str(error))
    state = str(getattr(error.orig, "sqlstate", None) or "")
    # Serialisation and deadlock, a server that shuts down or starts up; without a state the connection was refused.
    return (
        error.connection_invalidated
        or state.startswith(("40", "57P0", "08"))
        or (not state and "connection" in str(error.orig))
    )


def _arguments(file: Path | None) -> dict[str, Any]:
    # No driver-level transactions: ``_begin_immediate`` takes the write lock at once, so that two writers queue
    # instead of one failing when it upgrades from reading to writing.
    if file is None:
        return {"pool_pre_ping": True}  # a server may have been restarted since
    return {"connect_args": {"timeout": BUSY_SECONDS, "isolation_level": None}}


def _sqlite_settings(connection: sqlite3.Connection, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")
    # WAL: readers never wait.  NORMAL: a killed process loses nothing; a power cut may lose the last commits.
    with suppress(sqlite3.OperationalError):  # a file system without shared memory keeps its rollback journal
        cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.close()


def _begin_immediate(connection: Connection) -> None:
    reads = connection.get_execution_options().get("reads")
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _create(file: Path) -> None:
    """Make the file complete under another name and link it into place: a store is never half-made."""
    if file.exists():
        if file.stat().st_size == 0:
            raise StoreError(f"the store {file} is empty (0 bytes): it was truncated. {seals.advice(str(file))}")
        _refuse_cut(file)
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)
    os.close(handle)
    try:
        engine = sa.create_engine(f"sqlite:///{name}")
        with engine.begin() as connection:
            _make_tables(connection)
        engine.dispose()
        Path(name).chmod(0o644)
        _place(name, file)
    finally:
        Path(name).unlink(missing_ok=True)


def _refuse_cut(file: Path) -> None:
    """SQLite reads the missing end of a file as zeros, and its own check may pass; the header knows its size."""
    wal = Path(f"{file}-wal")
    if wal.exists() and wal.stat().st_size:
        return  # pages may still be in there, after a kill
    with file.open("rb") as stream:
        header = stream.read(100)
    if len(header) < 100:  # of one byte SQLite would make an empty database
        raise StoreError(f"the store {file} is damaged (truncated: {len(header)} bytes). {seals.advice(str(file))}")
    if not header.startswith(b"SQLite format 3"):
        return  # SQLite will say that it is none of its files
    page, count = int.from_bytes(header[16:18], "big"), int.from_bytes(header[28:32], "big")
    expected, found = (65536 if page == 1 else page) * count, file.stat().st_size
    if found < expected:
        raise StoreError(
            f"the store {file} is damaged (truncated: {found} bytes of {expected}). {seals.advice(str(file))}"
        )


def _place(name: str, file: Path) -> None:
    try:
        os.link(name, file)
    except FileExistsError:  # another process was quicker; its file is as good
        return
    except OSError:  # a file system without hard links
        os.replace(name, file)


def _make_tables(connection: Connection) -> None:
    tables.metadata.create_all(connection)
    upgrade.write_facts(connection, tables.SCHEMA_VERSION, _own_version())


def _check(engine: Engine, file: Path | None) -> None:
    if file is None:
        with engine.begin() as connection:
            exclude(connection, "schema")
            if not sa.inspect(connection).has_table("meta"):
                _make_tables(connection)
                return
    where = place(engine)
    size = file.stat().st_size if file is not None else None
    with reading(engine) as connection:
        if size is not None and size <= CHECK_BYTES:
            check = "integrity_check" if size <= SMALL_BYTES else "quick_check"
            verdict = connection.exec_driver_sql(f"PRAGMA {check}(1)").scalar()
            if verdict != "ok":
                raise StoreError(f"the store {where} is damaged ({verdict}). {seals.advice(where)}")
        if not sa.inspect(connection).has_table("meta"):
            raise StoreError(f"{where} is a database, but not a benchhost store: it has no table 'meta'")
        facts = upgrade.read_facts(connection)
    found = int(facts.get("schema_version", 0))
    if found > tables.SCHEMA_VERSION:
        raise StoreError(
            f"the store {where} has schema {found}; benchhost {_own_version()} reads up to "
            f"{tables.SCHEMA_VERSION}. Install benchhost {facts.get('written_by', '')} or later: "
            f"pip install 'benchhost>={facts.get('written_by', '')}'"
        )
    if found < tables.SCHEMA_VERSION:
        upgrade.upgrade(engine, found, tables.SCHEMA_VERSION, written_by=_own_version())
    if size is not None and size <= SMALL_BYTES:
        with reading(engine) as connection:
            for table in seals.SEALED:
                seals.verify(connection, table)


def _own_version() -> str:
    try:
        return version("benchhost")
    except PackageNotFoundError:  # run from a source tree that was never installed
        return "0"
