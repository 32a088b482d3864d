"""Runs in processes of their own for tests that kill them, and what to compare afterwards."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil

from benchhost.execute.limits import cores
from benchhost.store import Store

DRIVER = Path(__file__).parent / "driver.py"
PATIENCE = 200.0  # seconds until a run that says nothing is given up


class Run:
    """A run that the nursery forked: its process, what it printed, its exit code."""

    def __init__(self, pid: int, output: Path) -> None:
        self.pid, self._output = pid, output
        self._read = 0

    def lines(self, count: int) -> list[str]:
        """The next ``count`` lines, waited for; fewer where the run ended before."""
        end = time.monotonic() + PATIENCE
        while True:
            over = self.code() is not None  # asked before the file is read: what it wrote last must not be missed
            found = self._output.read_text().splitlines()[self._read :] if self._output.exists() else []
            if len(found) >= count or over:
                self._read += len(found[:count])
                return found[:count]
            assert time.monotonic() < end, f"no line in {PATIENCE} s"
            time.sleep(0.005)

    def code(self) -> int | None:
        """The exit code, None while it runs."""
        file = Path(f"{self._output}.code")
        return int(file.read_text()) if file.exists() else None

    def wait(self) -> int:
        """The exit code, waited for."""
        end = time.monotonic() + PATIENCE
        while (code := self.code()) is None:
            assert time.monotonic() < end, f"still running after {PATIENCE} s"
            time.sleep(0.005)
        return code

    def send(self, number: int) -> None:
        """A signal, unless it has ended."""
        if self.code() is None:
            os.kill(self.pid, number)

    def descendants(self) -> list[psutil.Process]:
        """Its fork server and the children, in order of their birth."""
        try:
            return psutil.Process(self.pid).children(recursive=True)
        except psutil.Error:
            return []


class Nursery:
    """Forks runs that have everything imported; every process they lead to carries a mark in its environment."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._count = folder, 0
        self._mark = ("BENCHHOST_TEST_MARK", f"{os.getpid()}-{random.random()}")
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env={**os.environ, self._mark[0]: self._mark[1]},
        )

    def start(self, folder: Path, methods: str, limit: int, **environment: str) -> Run:
        """Begin a run of the driver on ``folder``."""
        self._count += 1
        output = self._folder / f"run{self._count}"
        message = [[str(folder), methods, str(limit)], {"BENCHHOST_SLOW": "0.05", **environment}, str(output)]
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        self._process.stdin.flush()
        return Run(int(self._process.stdout.readline()), output)

    def survivors(self) -> list[int]:
        """Living processes of its runs."""
        own = (os.getpid(), self._process.pid)
        return [p.pid for p in psutil.process_iter() if p.pid not in own and self._marked(p)]

    def gone(self, seconds: float = 3.0) -> bool:
        """Whether all processes of its runs end within some seconds."""
        end = time.monotonic() + seconds * patience()
        while self.survivors() and time.monotonic() < end:
            time.sleep(0.02)
        return not self.survivors()

    def close(self) -> None:
        """End it, and every run with it."""
        for pid in self.survivors():
            os.kill(pid, signal.SIGKILL)
        self._process.stdin.close()
        self._process.stdout.close()
        self._process.wait()

    def _marked(self, process: psutil.Process) -> bool:
        try:
            return process.environ().get(self._mark[0]) == self._mark[1] and process.status() != psutil.STATUS_ZOMBIE
        except (psutil.Error, OSError):
            return False


def patience() -> float:
    """1 on a quiet machine, more where each process gets a smaller share of a core."""
    return max(1.0, os.getloadavg()[0] / cores())


def table(place: str | Path) -> pd.DataFrame:
    """What the latest run of a store shows, without times."""
    with Store.open(place) as store:
        frame = store.frame(store.run()["run_id"])
    return frame.set_index(["key", "metric"])[["status", "reason", "value", "peak"]].sort_index()


def assert_each_computed_once(place: str | Path) -> None:
    """No cell has more than one attempt that succeeded."""
    with Store.open(place) as store:
        tries = store.attempts()
    assert (tries[tries["status"] == "ok"].groupby("key").size() == 1).all()


def rounds(default: int, kind: str) -> tuple[random.Random, int]:
    """Chance with a printed seed, and how often to kill: BENCHHOST_KILL_SEED and BENCHHOST_KILLS say otherwise."""
    seed = int(os.environ.get("BENCHHOST_KILL_SEED", "7"))
    count = int(os.environ.get("BENCHHOST_KILLS", default))
    print(f"{count} kills of {kind}, BENCHHOST_KILL_SEED={seed}")  # noqa: T201
    return random.Random(f"{seed} {kind}"), count
