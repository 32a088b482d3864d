"""Stores that are new, old, newer, damaged or something else altogether."""

import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from benchhost.errors import StoreError
from benchhost.store import Store, tables, upgrade
from benchhost.store.engine import FILE_NAME


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
        plain.execute("UPDATE meta SET value = '7' WHERE name = 'schema_version'")
        plain.execute("UPDATE meta SET value = '9.9' WHERE name = 'written_by'")
    before = full.read_bytes()
    with pytest.raises(StoreError, match=r"has schema 7.*reads up to 1.*pip install 'benchhost>=9.9'"):
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


def test_an_older_schema_is_upgraded_by_a_pure_function_and_a_copy_is_kept(full, monkeypatch):
    """Schema 0 is made up: its scores called the value ``number`` and had no reasons."""
    with closing(sqlite3.connect(full)) as plain, plain:
        plain.execute("ALTER TABLE scores RENAME COLUMN value TO number")
        plain.execute("ALTER TABLE scores DROP COLUMN reason")
        plain.execute("UPDATE meta SET value = '0' WHERE name = 'schema_version'")

    def to_1(contents):
        scores = [{**{k: v for k, v in row.items() if k != "number"}, "value": row["number"], "reason": ""}
                  for row in contents["scores"]]  # fmt: skip
        return {**contents, "scores": scores}

    with pytest.raises(StoreError, match="no upgrade from schema 0"):
        Store.open(full)
    monkeypatch.setitem(upgrade.STEPS, 0, to_1)
    with Store.open(full) as store:
        frame = store.frame()
        assert (frame.query("metric == 'psnr'")["value"] == 30.0).all()
        with store.engine.connect() as connection:
            version = connection.execute(sa.select(tables.meta.c.value).where(tables.meta.c.name == "schema_version"))
            assert version.scalar() == str(tables.SCHEMA_VERSION)
    with closing(sqlite3.connect(f"{full}.schema0")) as copy:
        assert copy.execute("SELECT count(number) FROM scores").fetchone() == (120,)
