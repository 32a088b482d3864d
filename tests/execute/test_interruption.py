"""Ctrl-C and SIGTERM: at once, or with the cells in flight finished; what is recorded stays, nobody is left behind."""

import signal
import time

import pytest

from benchhost.store import Store
from tests.execute.runs_to_kill import assert_each_computed_once, patience

STATUS = 2  # of the words that the driver prints: method, image, status


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_an_interrupted_run_ends_within_two_seconds_and_keeps_what_it_has(nursery, tmp_path, sent, code):
    run = nursery.start(tmp_path, "synthetic-pinv,fault-hangs", 2)
    assert [line.split()[STATUS] for line in run.lines(2)] == ["ok", "ok"]
    begin = time.monotonic()
    run.send(sent)
    assert run.wait() == code
    assert time.monotonic() - begin < 2.0 * patience()
    assert nursery.gone()
    with Store.open(tmp_path) as store:
        assert (store.frame()["status"] == "ok").sum() == 4  # two images, two metrics


def test_sigterm_lets_the_cells_in_flight_finish_and_begins_no_more(nursery, tmp_path):
    """Sent to every process of the run, as some batch systems do: the children do not take it for theirs."""
    slow = {"BENCHHOST_SLOW": "1.5", "BENCHHOST_TEST_GRACE": "60"}
    run = nursery.start(tmp_path, "fault-slow", 6, **slow)
    run.lines(1)
    for process in run.descendants():
        process.send_signal(signal.SIGTERM)
    run.send(signal.SIGTERM)
    assert run.wait() == 143
    assert nursery.gone()
    with Store.open(tmp_path) as store:
        found = store.frame().drop_duplicates("key")["status"].value_counts().to_dict()
        assert store.runs()["status"].tolist() == ["interrupted"]
    # One was done, at most two were in flight, the rest never began; none is recorded as a failure.
    assert set(found) == {"ok", "pending"}
    assert 2 <= found["ok"] <= 3
    assert nursery.start(tmp_path, "fault-slow", 6).wait() == 0
    assert_each_computed_once(tmp_path)


def test_sigterm_waits_no_longer_than_the_grace_time(nursery, tmp_path):
    run = nursery.start(tmp_path, "synthetic-pinv,fault-hangs", 2, BENCHHOST_TEST_GRACE="1")
    run.lines(2)
    begin = time.monotonic()
    run.send(signal.SIGTERM)
    assert run.wait() == 143
    assert 1.0 <= time.monotonic() - begin < 1.0 + 3.0 * patience()
    assert nursery.gone()


def test_a_second_sigterm_ends_at_once(nursery, tmp_path):
    run = nursery.start(tmp_path, "synthetic-pinv,fault-hangs", 2, BENCHHOST_TEST_GRACE="600")
    run.lines(2)
    run.send(signal.SIGTERM)
    time.sleep(0.3)
    assert run.code() is None
    run.send(signal.SIGTERM)
    assert run.wait() == 143
    assert nursery.gone()
