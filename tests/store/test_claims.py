"""Several coordinators on one store: no cell is lost, none is recorded twice, whoever dies or sleeps meanwhile."""

import random
import subprocess
import sys
import threading
import time

import pytest

from benchhost.execute.record import blank
from benchhost.store import Store
from benchhost.store import claims as module
from benchhost.store.claims import Claims


@pytest.fixture
def store(place):
    with Store.open(place) as opened:
        yield opened


@pytest.fixture
def coordinator(store, metrics):
    """Claims of a new run over some cells."""

    def make(cells, **settings):
        run = store.begin_run({"command": "test"}, cells, metrics=metrics, environment={})
        claims = Claims(store, run, [cell.key for cell in cells], **{"again": (), **settings})
        claims.run = run
        return claims

    return make


def test_a_cell_is_given_to_one_and_comes_back_recorded_to_the_other(store, cells, ok, coordinator):
    planned = cells(4)
    with coordinator(planned) as one, coordinator(planned) as two:
        assert one.take(planned[:3]) == planned[:3]
        assert two.take(planned) == planned[3:]
        assert list(two.elsewhere.values()) == planned[:3]
        assert two.reclaim() == []
        assert store.add(one.run, planned[0], ok(planned[0]), after=0)
        assert two.reclaim() == []
        assert two.recorded == planned[:1]
        assert list(two.elsewhere.values()) == planned[1:3]
    with coordinator(planned, again=None) as three:  # --fresh: what was there before counts for nothing
        assert three.take(planned) == planned


def test_a_failure_of_another_is_not_tried_again_in_the_same_breath(store, cells, coordinator):
    (cell,) = cells(1)
    with coordinator([cell]) as one, coordinator([cell]) as two:
        one.take([cell])
        two.take([cell])
        store.add(one.run, cell, {**blank(cell), "reason": "it broke"})
        assert two.reclaim() == []
        assert two.recorded == [cell]
    with coordinator([cell]) as later:
        assert later.take([cell]) == [cell]


def test_what_is_given_up_goes_to_whoever_waits(cells, coordinator):
    planned = cells(2)
    with coordinator(planned) as two:
        with coordinator(planned) as one:
            one.take(planned)
            assert two.take(planned) == []
        assert two.reclaim() == planned


KILLED = """
import sys, time
from benchhost.store import Store
from benchhost.store.claims import Claims
place, run, *keys = sys.argv[1:]
class Cell:
    def __init__(self, key): self.key = key
with Store.open(place) as store, Claims(store, run, keys, again=()) as claims:
    assert len(claims.take([Cell(key) for key in keys])) == len(keys)
    print("claimed", flush=True)
    time.sleep(600)
"""


def test_the_claims_of_a_killed_process_of_this_machine_are_free_at_once(
    place, store, cells, coordinator, pytestconfig
):
    planned = cells(2)
    run = store.begin_run({"command": "killed"}, planned, environment={})
    command = [sys.executable, "-c", KILLED, str(place), run, *(cell.key for cell in planned)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=pytestconfig.rootpath)
    try:
        assert process.stdout.readline().strip() == b"claimed"
        with coordinator(planned, stale_s=1e9) as other:
            assert other.take(planned) == []
            assert other.reclaim() == []
            process.kill()
            end = time.monotonic() + 60
            while not (freed := other.reclaim()) and time.monotonic() < end:  # a zombie counts as dead, too
                time.sleep(0.05)
            assert freed == planned
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@pytest.fixture
def elsewhere(monkeypatch):
    """As if every coordinator ran on another machine: only signs of life tell whether it lives."""
    monkeypatch.setattr(module.process, "is_gone", lambda text: False)


@pytest.mark.parametrize("first", ["sleeper", "other"])
def test_who_sleeps_too_long_loses_its_claims_and_nothing_is_recorded_twice(
    store, cells, ok, coordinator, elsewhere, first
):
    (cell,) = cells(1)
    with coordinator([cell]) as sleeper, coordinator([cell], stale_s=0.3) as other:
        assert sleeper.take([cell]) == [cell]
        assert other.take([cell]) == []
        assert other.reclaim() == []  # the first look only notes the beat
        sleeper._beat()
        time.sleep(0.4)
        assert other.reclaim() == []  # it has moved since
        time.sleep(0.4)
        assert other.reclaim() == [cell]
        order = [sleeper, other] if first == "sleeper" else [other, sleeper]
        kept = [
            store.add(who.run, cell, ok(cell, value), after=0) for who, value in zip(order, (1.0, 2.0), strict=True)
        ]
    assert kept == [True, False]
    assert store.attempts()["run_id"].tolist() == [order[0].run]
    assert store.frame(order[1].run)["value"][0] == 1.0


def test_a_clock_that_jumps_takes_nobodys_claims(cells, coordinator, elsewhere, monkeypatch):
    (cell,) = cells(1)
    with coordinator([cell]) as one, coordinator([cell], stale_s=30.0) as two:
        one.take([cell])
        two.take([cell])
        for hours in (0, 1000, -1000):
            monkeypatch.setattr(time, "time", lambda moved=hours: 1.7e9 + 3600 * moved)
            assert two.reclaim() == []


@pytest.mark.parametrize("seed", range(3))
def test_many_coordinators_at_once_record_every_cell_once(place, cells, ok, metrics, seed, monkeypatch):
    """Each claims portions of random size, sometimes gives up; those that wait compute what is left behind."""
    monkeypatch.setattr(module.process, "is_gone", lambda text: False)
    planned = cells(24)
    failures = []

    def coordinate(number):
        chance = random.Random(f"{seed} {number}")
        try:
            with Store.open(place) as store:
                run = store.begin_run({"command": str(number)}, planned, metrics=metrics, environment={})
                waiting = planned[:]
                chance.shuffle(waiting)
                with Claims(store, run, [cell.key for cell in planned], again=()) as claims:
                    while waiting or claims.elsewhere:
                        portion = [waiting.pop() for _ in range(min(len(waiting), chance.randrange(1, 6)))]
                        for cell in claims.take(portion) if portion else claims.reclaim():
                            if number == 0 and chance.random() < 0.2:
                                return  # leaves what it has claimed
                            store.add(run, cell, ok(cell), after=claims.before.get(cell.key, 0))
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=coordinate, args=(number,)) for number in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=240)
    assert failures == []
    with Store.open(place) as store:
        tries = store.attempts()
        assert sorted(tries["key"]) == sorted(cell.key for cell in planned)
        assert set(tries["status"]) == {"ok"}
        with store.engine.connect() as connection:
            assert connection.exec_driver_sql("SELECT count(*) FROM claims").scalar() == 0
            assert connection.exec_driver_sql("SELECT count(*) FROM coordinators").scalar() == 0
