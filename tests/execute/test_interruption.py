"""Ctrl-C, SIGTERM and kill -9 at any moment: nothing recorded is lost or computed twice, nothing keeps running."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest

from benchhost.execute.limits import cores
from benchhost.store import Store

DRIVER = Path(__file__).parent / "driver.py"
METHODS = "synthetic-dither,synthetic-landweber:pause=0.01,fault-slow,fault-raises"
LIMIT = 4


@pytest.fixture
def start(tmp_path):
    """Start the driver on a folder; every process it leads to carries a mark in its environment."""
    started = []
    mark = f"BENCHHOST_TEST_MARK={os.getpid()}-{random.random()}"

    def go(folder, methods=METHODS, limit=LIMIT, **environment):
        name, value = mark.split("=")
        process = subprocess.Popen(
            [sys.executable, str(DRIVER), str(folder), methods, str(limit)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, name: value, "BENCHHOST_SLOW": "0.05", **environment},
        )
        started.append(process)
        return process

    go.survivors = lambda: [p.pid for p in psutil.process_iter() if p.pid != os.getpid() and _marked(p, mark)]
    yield go
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def _marked(process, mark):
    name, value = mark.split("=")
    try:
        return process.environ().get(name) == value and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False


def _patience():
    """1 on a quiet machine, more where each process gets a smaller share of a core."""
    return max(1.0, os.getloadavg()[0] / cores())


def _gone(survivors, seconds=3.0):
    end = time.monotonic() + seconds * _patience()
    while survivors() and time.monotonic() < end:
        time.sleep(0.05)
    return not survivors()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, -signal.SIGTERM)])
def test_an_interrupted_run_ends_within_two_seconds_and_keeps_what_it_has(start, tmp_path, sent, code):
    process = start(tmp_path, "synthetic-pinv,fault-hangs", 2)
    lines = [process.stdout.readline() for _ in range(2)]
    assert [line.split()[2] for line in lines] == ["ok", "ok"]
    begin = time.monotonic()
    process.send_signal(sent)
    assert process.wait(timeout=30) == code
    assert time.monotonic() - begin < 2.0 * _patience()
    assert _gone(start.survivors)
    with Store.open(tmp_path) as store:
        assert (store.frame()["status"] == "ok").sum() == 4  # two images, two metrics


def test_kill_9_loses_nothing_recorded_computes_nothing_twice_and_leaves_nobody(start, plan, run, tmp_path):
    undisturbed = tmp_path / "undisturbed"
    run(plan(METHODS, limit=LIMIT), folder=undisturbed, isolation=False)
    killed = tmp_path / "killed"
    chance = random.Random(int(os.environ.get("BENCHHOST_KILL_SEED", "7")))
    for _ in range(int(os.environ.get("BENCHHOST_KILLS", "2"))):
        process = start(killed)
        for _ in range(chance.randrange(1, 5)):  # so many records, then some moment before the next
            process.stdout.readline()
        time.sleep(chance.uniform(0, 0.1))
        process.kill()
        process.wait()
        assert _gone(start.survivors)
    assert start(killed).wait(timeout=120) == 0
    tables = []
    for folder in (undisturbed, killed):
        with Store.open(folder) as store:
            frame = store.frame(store.run()["run_id"])
            tables.append(frame.set_index(["key", "metric"])[["status", "reason", "value", "peak"]].sort_index())
            tries = store.attempts()
            assert (tries[tries["status"] == "ok"].groupby("key").size() == 1).all()
    pd.testing.assert_frame_equal(*tables, check_exact=True)
