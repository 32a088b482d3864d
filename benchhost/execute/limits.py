"""What the machine has to give, and how a child's process tree is watched and ended."""

from __future__ import annotations

import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from benchhost.execute import wire

MEMORY_SHARE = 0.8  # of what is available at the start, divided among the workers, unless a limit is given
ADDRESS_FACTOR = 1.5  # private address space a child may ask for, as a multiple of its memory limit


def cores() -> int:
    """Cores this process may use: its affinity, and the CPU quota of its container."""
    affinity = getattr(os, "sched_getaffinity", None)
    count = len(affinity(0)) if affinity else os.cpu_count() or 1
    quota = _cgroup_quota()
    return max(1, min(count, int(quota)) if quota is not None and quota >= 1 else count)


def available_gb() -> float:
    """Memory that can be had now, in GB (2**30 bytes), within the container's limit."""
    free = psutil.virtual_memory().available
    limit, used = _number("/sys/fs/cgroup/memory.max"), _number("/sys/fs/cgroup/memory.current")
    if limit is None:  # control groups version 1
        limit = _number("/sys/fs/cgroup/memory/memory.limit_in_bytes")
        used = _number("/sys/fs/cgroup/memory/memory.usage_in_bytes")
    if limit is not None and limit < psutil.virtual_memory().total:
        free = min(free, limit - (used or 0))
    return max(free, 0) / 2**30


def default_memory_gb(workers: int) -> float:
    """Each worker's share of the available memory."""
    return max(0.5, round(MEMORY_SHARE * available_gb() / workers, 2))


class Census:
    """Which process belongs to which child: descendants, and whoever stayed in its session when its parent died.

    Asking means looking at every process of the machine, so the answer is shared by all children and kept for a while:
    the larger the machine, the longer, so that watching never costs more than a few per cent of a core.
    """

    def __init__(self) -> None:
        self._parents: dict[int, int] = {}
        self._sessions: dict[int, int] = {}
        self._fresh_until = 0.0

    def members(self, root: int, *, now: bool = False) -> list[int]:
        """Process ids of the tree of ``root``, itself first.  ``now``: look again, whatever it costs."""
        if now or time.monotonic() > self._fresh_until:
            self._look()
        found = [root]
        below: dict[int, list[int]] = {}
        for pid, parent in self._parents.items():
            below.setdefault(parent, []).append(pid)
        for pid in found:  # grows as it goes
            found += [child for child in below.get(pid, ()) if child not in found]
        found += [pid for pid, session in self._sessions.items() if session == root and pid not in found]
        return found

    def _look(self) -> None:
        begin = time.monotonic()
        self._parents, self._sessions = {}, {}
        for process in psutil.process_iter(["pid", "ppid"]):
            self._parents[process.pid] = process.info["ppid"] or 0
            with suppress(OSError):
                self._sessions[process.pid] = os.getsid(process.pid)
        end = time.monotonic()
        self._fresh_until = end + max(0.2, 30 * (end - begin))


class Tree:
    """A child with its descendants: their memory, and their end."""

    def __init__(self, pid: int, census: Census) -> None:
        self.pid = pid
        self._census = census

    def rss_gb(self) -> float:
        """Resident memory of the tree, in GB (2**30 bytes)."""
        total = 0
        for pid in self._census.members(self.pid):
            with suppress(psutil.Error):
                total += psutil.Process(pid).memory_info().rss
        return total / 2**30

    def terminate(self) -> None:
        """The agreed signal for the child, SIGTERM for what it has started: time to put things in order."""
        with suppress(ProcessLookupError, PermissionError):
            os.kill(self.pid, wire.END)
            os.killpg(self.pid, signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL for the child's group and for descendants that left it."""
        members = self._census.members(self.pid, now=True)  # before their parent dies, and with it what binds them
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        for pid in members:
            with suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)


def limit_address_space(memory_gb: float) -> None:
    """Make this process fail cleanly when it asks for far more memory than it may use.

    The watchdog sees what is resident, some milliseconds late; a single request for a hundred gigabytes is refused
    here, as a MemoryError.  Never with CUDA, which reserves large ranges it does not use.
    """
    if sys.platform != "linux":  # elsewhere the limit does not cover what malloc maps
        return
    import resource

    base = psutil.Process().memory_info().data
    limit = int(base + max(ADDRESS_FACTOR * memory_gb, memory_gb + 1) * 2**30)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))


def _cgroup_quota() -> float | None:
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    quota, period = _number("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), _number("/sys/fs/cgroup/cpu/cpu.cfs_period_us")
    return quota / period if quota and period and quota > 0 else None


def _number(path: str) -> int | None:
    try:
        return int(Path(path).read_text())
    except (OSError, ValueError):  # absent, or the word "max"
        return None
