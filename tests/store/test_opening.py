"""Stores that are new, old, newer, damaged or something else altogether."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchhost.errors import StoreError
from benchhost.store import Store, seals, tables, upgrade
from benchhost.store.engine import FILE_NAME, store_url

HERE = Path(__file__).parent


@pytest.fixture
def full(tmp_path, cells, ok):
    """The file of a store with some hundred records, at rest."""
    planned = cells(60)
    with Store.open(tmp_path) as store:
        run = store.begin_run({"command": "x"}, planned, environment={})
        for cell in planned:
            store.add(run, cell, ok(cell))
    file = tmp_path / FILE_NAME
    with closing(sqlite3.connect(file)) as plain:
        plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file


def test_a_new_store_is_made_whole_and_leaves_no_scaffolding(tmp_path):
    Store.open(tmp_path / "new" / "results").close()
    names = {path.name for path in (tmp_path / "new" / "results").iterdir()}
    assert names <= {FILE_NAME, f"{FILE_NAME}-wal", f"{FILE_NAME}-shm"}


def test_a_store_is_found_by_folder_file_or_url(full):
    for place in (full.parent, full, f"sqlite:///{full}"):
        with Store.open(place) as store:
            assert len(store.finished(store.frame()["key"])) == 60


def test_a_newer_schema_is_refused_with_the_version_to_install(full):
    with closing(sqlite3.connect(full)) as plain, plain:
        for name, value in (("schema_version", "7"), ("written_by", "9.9"), ("seal", seals.seal(("7", "9.9")))):
            plain.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))
    before = full.read_bytes()
    with pytest.raises(StoreError, match=r"has schema 7.*reads up to 2.*pip install 'benchhost>=9.9'"):
        Store.open(full)
    assert full.read_bytes() == before


def test_an_empty_file_is_refused(full):
    full.write_bytes(b"")
    with pytest.raises(StoreError, match=r"is empty \(0 bytes\)"):
        Store.open(full)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0.0, 0.9999))
@example(share=0.9999)  # within the last page, which SQLite's own check does not notice
def test_a_truncated_store_is_refused_wherever_it_was_cut(full, share):
    whole = full.read_bytes()
    for stale in full.parent.glob(f"{FILE_NAME}-*"):
        stale.unlink()
    try:
        full.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(StoreError, match=r"is damaged|is empty"):
            Store.open(full)
    finally:
        full.write_bytes(whole)


def test_a_scribbled_page_is_noticed(full):
    content = bytearray(full.read_bytes())
    content[4096 * 3 : 4096 * 4] = bytes(4096)
    full.write_bytes(content)
    with pytest.raises(StoreError, match="is damaged"):
        Store.open(full)


def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path):
    text = tmp_path / "notes.sqlite"
    text.write_text("not a database, but long enough to be one " * 50)
    with pytest.raises(StoreError, match="is damaged .*not a database"):
        Store.open(text)
    other = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(other)) as plain, plain:
        plain.execute("CREATE TABLE recipes (name TEXT)")
    with pytest.raises(StoreError, match="not a benchhost store: it has no table 'meta'"):
        Store.open(other)


def test_a_schema_without_an_upgrade_is_refused(full):
    with closing(sqlite3.connect(full)) as plain, plain:
        for name, value in (("schema_version", "0"), ("seal", seals.seal(("0", "x"))), ("written_by", "x")):
            plain.execute("UPDATE meta SET value = ? WHERE name = ?", (value, name))
    with pytest.raises(StoreError, match="no upgrade from schema 0"):
        Store.open(full)


def test_a_store_of_schema_1_is_upgraded_and_a_copy_is_kept(place):
    """On both databases from one text: a copy of the file is kept where there is a file."""
    statements = [text for text in (HERE / "schema1.sql").read_text().split(";\n") if text.strip()]
    engine = sa.create_engine(store_url(place))
    with engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("CREATE TABLE recipes (name TEXT)")  # somebody else's, in the same database
    engine.dispose()
    with Store.open(place) as store:
        one, two = store.runs()["run_id"]
        assert one < two
        assert store.run()["run_id"] == two
        assert store.frame(one)["status"].tolist() == ["ok", "ok", "failed", "failed", "pending", "pending"]
        frame = store.frame(two)
        assert frame["value"].fillna(-1).tolist() == [31.5, 0.001, 40.0, -1, -1, -1]
        assert frame["reason"].tolist()[3] == "unavailable: no weights"
        assert len(store.attempts()) == 3
        with store.engine.connect() as connection:
            assert upgrade.read_facts(connection)["schema_version"] == str(tables.SCHEMA_VERSION)
            assert sa.inspect(connection).has_table("recipes")
            assert [list(seals.damaged(connection, table)) for table in seals.SEALED] == [[]] * len(seals.SEALED)
    if "://" not in str(place):
        with closing(sqlite3.connect(f"{place / FILE_NAME}.schema1")) as copy:
            assert copy.execute("SELECT count(*) FROM scores").fetchone() == (4,)


def test_processes_that_open_an_empty_database_at_once_make_one_store(place):
    """Each thread has an engine, and so connections, of its own."""
    with ThreadPoolExecutor(4) as pool:
        for store in pool.map(lambda _: Store.open(place), range(4)):
            assert store.runs().empty
            store.close()
