"""Why a cell has no result, in words: from an exception in its process, or from how its process ended."""

from __future__ import annotations

import signal
from contextlib import suppress
from pathlib import Path

from benchhost.errors import BenchhostError

_GPU_LOST = ("CUDA error", "device-side assert")


def explain(error: BaseException) -> tuple[str, str]:
    """Status and reason of a cell on which ``error`` was raised."""
    import torch

    text = str(error).strip()
    first = (text.splitlines() or [""])[0]
    allocator = isinstance(error, RuntimeError) and ("can't allocate memory" in text or "bad_alloc" in text)
    if isinstance(error, MemoryError | torch.OutOfMemoryError) or allocator:
        return "oom", f"out of memory: {first.rpartition('DefaultCPUAllocator: ')[2] or type(error).__name__}"
    if isinstance(error, SystemExit):
        return "failed", f"SystemExit: the method called sys.exit({error.code!r})"
    if isinstance(error, BenchhostError):
        return "failed", text
    reason = f"{type(error).__name__}: {first}" if first else type(error).__name__
    where = " ".join(getattr(error, "__notes__", ()))
    return "failed", f"{reason} ({where})" if where else reason


def gpu_lost(error: BaseException) -> bool:
    """Whether the process can use its GPU no more after ``error``."""
    return any(words in str(error) for words in _GPU_LOST)


def explain_exit(code: int | None, phase: str, *, kernel_killed: bool) -> tuple[str, str]:
    """Status and reason of the cell whose process ended by itself: exit code, or minus the signal's number.

    kernel_killed: whether the kernel's out-of-memory killer has struck since the process began.
    """
    where = f" during {phase}" if phase else " before its first cell"
    if code is None:
        return "crashed", f"the process vanished{where}"
    if code == -signal.SIGKILL and kernel_killed:
        return "oom", f"killed by the kernel's out-of-memory killer{where}"
    if code == -signal.SIGKILL:
        return "crashed", f"signal SIGKILL{where}, sent by someone else"
    if code < 0:
        name = f"number {-code}"
        with suppress(ValueError):
            name = signal.Signals(-code).name
        return "crashed", f"signal {name}{where}"
    return "crashed", f"exit code {code}{where}"


def kernel_kills() -> int:
    """How often the kernel's out-of-memory killer has struck on this machine or in this container; 0 if unknown."""
    total = 0
    for path in (Path("/proc/vmstat"), Path("/sys/fs/cgroup/memory.events")):
        with suppress(OSError, ValueError):
            for line in path.read_text().splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    total += int(count)
    return total
