"""A byte that changed on the disk: refused with what is wrong, or of no consequence.  Never another number."""

import random
import sqlite3
from contextlib import closing

import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchhost.errors import StoreError
from benchhost.store import Store, seals
from benchhost.store.engine import FILE_NAME

BEFORE = []  # what the store of the property test says while it is whole


@pytest.fixture(scope="module")
def store_of():
    """Fill a store at a place with a run of a dozen cells; returns its run_id."""

    def fill(place, cells, ok, metrics, count=12):
        planned = cells(count)
        with Store.open(place) as store:
            run = store.begin_run({"command": "x"}, planned, metrics=metrics, environment={"cpu": "test"})
            trace = {"step": [1], "seconds": [0.1], "metric": ["psnr/255/clip"], "value": [20.0]}
            for cell in planned[:-1]:
                store.add(run, cell, ok(cell, 30.0, trace=trace))
            store.finish_run(run, seconds=1.0)
        return run

    return fill


def everything(place):
    """All that a store says to whoever asks."""
    with Store.open(place) as store:
        run = store.run()
        frames = (store.frame(), store.traces(), store.attempts(), store.runs())
        return run, store.cells(run["run_id"]), store.finished(store.frame()["key"]), frames


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_a_flipped_bit_anywhere_is_refused_or_of_no_consequence(store_of, cells, ok, metrics, tmp_path, seed):
    file = tmp_path / FILE_NAME
    if not file.exists():
        store_of(file, cells, ok, metrics)
        BEFORE.append(everything(file))
        with closing(sqlite3.connect(file)) as plain:
            plain.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        tmp_path.joinpath("whole").write_bytes(file.read_bytes())
    whole, before = (tmp_path / "whole").read_bytes(), BEFORE[-1]
    chance = random.Random(seed)
    content = bytearray(whole)
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    for stale in tmp_path.glob(f"{FILE_NAME}-*"):
        stale.unlink()
    file.write_bytes(content)
    try:
        after = everything(file)
    except StoreError:
        return
    assert after[:3] == before[:3]
    for one, other in zip(before[3], after[3], strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        (
            "UPDATE scores SET value = value + 1 WHERE metric = 'psnr/255/clip' AND key = '{key}'",
            "metric psnr/255/clip",
        ),
        ("UPDATE cells SET status = 'ok', seconds = 0.1 WHERE key = '{key}'", "'cells' with key {key}"),
        ("UPDATE attempts SET status = 'ok', seconds = 0 WHERE key = '{key}'", "'attempts' with key {key}, attempt 1"),
        ("UPDATE run_cells SET image = 'other.png' WHERE key = '{key}'", "'run_cells' with run_id {run}, position 0"),
        ("UPDATE runs SET command = 'benchhost run' WHERE run_id = '{run}'", "'runs' with run_id {run}"),
        ("UPDATE metrics SET decimals = 9 WHERE metric = 'mse/1'", "'metrics' with metric mse/1, version 1"),
    ],
)
def test_a_row_that_is_not_what_was_written_is_refused_by_name(store_of, cells, ok, metrics, place, statement, named):
    with Store.open(place) as store:  # open, so that what is found is found where it is read
        run = store_of(place, cells, ok, metrics)
        names = {"key": cells(12)[0].key, "run": run}
        with store.engine.begin() as connection:
            assert connection.execute(sa.text(statement.format(**names))).rowcount == 1
        with pytest.raises(StoreError, match="is damaged") as raised:
            store.run(run), store.frame(run)
        assert named.format(**names) in str(raised.value)
        assert "doctor --store" in str(raised.value)
        assert ("://" in str(place)) == (":***@" in str(raised.value))  # the password of a URL stays hidden


def test_a_damaged_row_is_not_sealed_anew_by_a_change_beside_the_damage(store_of, cells, ok, metrics, place):
    with Store.open(place) as store:
        run = store_of(place, cells, ok, metrics)
        with store.engine.begin() as connection:
            connection.execute(sa.text("UPDATE runs SET command = 'another'"))
        with pytest.raises(StoreError, match="'runs' with run_id"):
            store.note(run, more="facts")


def test_rows_of_every_kind_of_value_come_back_whole(cells, ok, metrics, place):
    """Text that a database refuses, numbers of another type than the column's, and none at all."""
    (cell,) = cells(1, seed=2**40)
    odd = ok(
        cell, float("inf"), seconds=1, peak=float("nan"), threads=True, artifact="a\0b",
        exception={"type": "E", "message": "caf\u00e9 \udcff \0", "traceback": "\U0001f600"}, load1=-0.0,
    )  # fmt: skip
    with Store.open(place) as store:
        run = store.begin_run({"command": "caf\u00e9 \0"}, [cell], metrics=metrics, environment={})
        store.add(run, cell, odd)
        assert store.attempts(run)["exception_message"][0] == "caf\u00e9 \\udcff \N{REPLACEMENT CHARACTER}"
        assert store.frame(run)["seed"][0] == 2**40
        assert store.frame(run)["value"][0] == float("inf")
        with store.engine.connect() as connection:
            assert not any(list(seals.damaged(connection, table)) for table in seals.SEALED)
