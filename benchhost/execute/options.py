"""How a run is executed: workers, threads, limits.  What is left open is settled, from the machine if need be."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from benchhost.errors import UsageError

SETTINGS = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Execution of a run.

    results: the folder reconstructions are kept in.
    workers: child processes at once; None: one per core on a CPU, one on a GPU.
    threads: of each; None: one, whatever ``workers`` is: more threads than idle cores make a cell many times slower,
        and results repeat to the last bit only for one number of threads.
    timeout_s: wall-clock seconds of a reconstruction; None: no limit, for anything.
    memory_gb: resident memory (GB = 2**30 bytes) of a worker with its descendants; None: its share of 80 % of what is
        available at the start.
    isolation: False runs in this process: for debuggers and notebooks, without limits and without crash safety.
    save: whether reconstructions are kept ("all") or not ("none").
    exclusive_timing: after the pass for quality, time every cell once more, alone, in random order (``seed``).
    plugins: extra plugin files or modules; installed: whether installed plugins are loaded, too.
    start: how children start: "fork" from a server that has torch loaded (milliseconds), or "spawn" (seconds);
        "auto" forks on Linux.
    grace_s: seconds between SIGTERM and SIGKILL at the time limit.
    stale_s: seconds without a sign of life after which another coordinator's cells are taken over.
    preparation_s: seconds that loading, posing, setting up and scoring are granted at least, whatever ``timeout_s``.
    """

    results: Path
    workers: int | None = None
    threads: int | None = None
    device: str = "cpu"
    timeout_s: float | None = None
    memory_gb: float | None = None
    isolation: bool = True
    save: Literal["all", "none"] = "all"
    exclusive_timing: bool = False
    plugins: tuple[str, ...] = ()
    installed: bool = True
    start: Literal["auto", "fork", "spawn"] = "auto"
    seed: int = 0
    grace_s: float = 5.0
    stale_s: float = 60.0
    preparation_s: float = 120.0

    def settled(self) -> Options:
        """With every number that was left open; UsageError where one makes no sense."""
        from benchhost.execute import limits

        for name in ("workers", "threads", "timeout_s", "memory_gb"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise UsageError(f"{name} must be greater than 0, got {value}")
        if self.save not in ("all", "none"):
            raise UsageError(f"save must be 'all' or 'none', got {self.save!r}")
        if self.start not in ("auto", "fork", "spawn"):
            raise UsageError(f"start must be 'auto', 'fork' or 'spawn', got {self.start!r}")
        if self.isolation and sys.platform == "win32":
            raise UsageError("child processes with limits need Linux or macOS; use isolation=False (--no-isolation)")
        cores = limits.cores()
        workers = 1 if not self.isolation else self.workers or (1 if self.device.startswith("cuda") else cores)
        start = self.start if self.start != "auto" else ("fork" if sys.platform == "linux" else "spawn")
        return replace(
            self,
            results=Path(self.results).absolute(),
            workers=workers,
            threads=self.threads or 1,
            memory_gb=self.memory_gb or limits.default_memory_gb(workers),
            start=start,
        )

    def facts(self) -> dict[str, Any]:
        """What the run's facts keep, JSON-ready."""
        kept = (
            "workers",
            "threads",
            "device",
            "timeout_s",
            "memory_gb",
            "isolation",
            "save",
            "exclusive_timing",
            "start",
        )
        return {name: getattr(self, name) for name in kept}


def thread_environment(threads: int, environment: Mapping[str, str]) -> dict[str, str]:
    """``environment`` with the thread counts of every numerical library pinned, and hashing of text made repeatable."""
    pinned = dict.fromkeys(SETTINGS, str(threads))
    return {**environment, **pinned, "PYTHONHASHSEED": environment.get("PYTHONHASHSEED", "0")}
