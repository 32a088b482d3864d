"""What a run ran on: versions, processor, threads, working copy.  Asked of the system, without importing torch."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, distributions, version
from pathlib import Path
from typing import Any

from benchhost.keys import canonical


def capture(*, device: str = "cpu") -> dict[str, Any]:
    """Facts of this machine and interpreter, JSON-ready; ``git`` is that of the working folder, where it is one."""
    return {
        "benchhost": _version("benchhost"),
        "python": platform.python_version(),
        "implementation": sys.implementation.name,
        "torch": _version("torch"),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "host": platform.node(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "memory_gb": _memory_gb(),
        "gpu": _gpus() if device.startswith("cuda") else [],
        "packages": packages(),
        "git": git_state(Path.cwd()),
        "thread_variables": {name: value for name, value in os.environ.items() if name.endswith("_NUM_THREADS")},
    }


def environment_id(facts: dict[str, Any]) -> str:
    """Content hash: two runs in the same environment have one id."""
    return hashlib.blake2b(canonical(facts).encode(), digest_size=20).hexdigest()


def packages() -> dict[str, str]:
    """Every installed distribution with its version."""
    found = {d.metadata["Name"]: d.version for d in distributions() if d.metadata and d.metadata["Name"]}
    return dict(sorted(found.items(), key=lambda pair: pair[0].lower()))


def cpu_model() -> str:
    """The processor as it names itself."""
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.lower().startswith(("model name", "hardware")):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit and dirty flag of the working copy ``folder`` lies in, or None."""
    commit = _output("git", "-C", str(folder), "rev-parse", "HEAD")
    if not commit:
        return None
    return {"commit": commit, "dirty": bool(_output("git", "-C", str(folder), "status", "--porcelain", "-uno"))}


def _gpus() -> list[str]:
    return _output("nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader").splitlines()


def _memory_gb() -> float:
    import psutil

    return round(psutil.virtual_memory().total / 2**30, 1)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _output(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""
