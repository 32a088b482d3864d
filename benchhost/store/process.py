"""A process by a name that its own machine can check: did it die, however it died?"""

from __future__ import annotations

import json
import os
from pathlib import Path


def identity() -> str:
    """This process: machine since its last boot, namespace, number, moment of its start.  "" where nobody can tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return json.dumps([boot, os.readlink("/proc/self/ns/pid"), os.getpid(), _state(os.getpid())[1]])
    except (OSError, IndexError):
        return ""


def is_gone(text: str) -> bool:
    """Whether the process of that identity is known to have ended; False for one of another machine."""
    here = identity()
    if not text or not here:
        return False
    boot, namespace, number, start = json.loads(text)
    if [boot, namespace] != json.loads(here)[:2]:
        return False
    try:
        state, since = _state(number)
    except (OSError, IndexError):
        return True
    return since != start or state in "ZX"


def _state(number: int) -> tuple[str, str]:
    """State and start, in ticks since the boot: both unmoved by whoever sets the clock."""
    fields = Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()
    return fields[0], fields[19]
