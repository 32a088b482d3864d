"""Which weights this package ships, and which of them a task is done with; imports no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchhost.errors import UsageError
from benchhost.types import Task
from benchhost_idm.params import TASKS, IdmParams


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A file of weights beside this module.  tasks: what it was trained for."""

    file: str
    sha256: str
    tasks: tuple[str, ...]


# A specialist comes before the network for everything.
SHIPPED: tuple[Shipped, ...] = (
    Shipped(
        file="idm-cs.safetensors",
        sha256="dd6169346e5733af209bc2fc347bfdb3371ac70f8f1555c7a0ef30583166ea4a",
        tasks=("cs",),
    ),
    Shipped(
        file="idm-mri.safetensors",
        sha256="6e43fe245c9a4a4852fa52e5665b17e6f5f3b675503e62161de529ee4583905a",
        tasks=("mri",),
    ),
    Shipped(
        file="idm.safetensors",
        sha256="68b14a0445310bcb947d0780756afa8faad7e0a0513b635887f06f522a86124b",
        tasks=TASKS,
    ),
)


def chosen(task: str) -> Shipped | None:
    """The first file trained for a task."""
    return next((shipped for shipped in SHIPPED if task in shipped.tasks), None)


def refuses(task: Task, task_params: Any, channels: int, params: IdmParams) -> str | None:
    """Why the shipped weights cannot do a task; weights given by name are the user's choice."""
    if params.weights or chosen(task.name):
        return None
    trained = sorted({name for shipped in SHIPPED for name in shipped.tasks}, key=TASKS.index)
    known = f"trained for {', '.join(trained)}" if trained else "for no task: none are shipped yet"
    return f"the weights are {known}, not for {task.name} (give others with idm:weights=FILE)"


def digest_of(file: str) -> str:
    """sha256 of a file of weights.  Raises UsageError where there is none."""
    path = Path(file).expanduser()
    if not path.is_file():
        raise UsageError(f"method 'idm': no file of weights '{file}' (looked for {path.absolute()})")
    status = path.stat()
    return _digest(str(path.absolute()), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _digest(path: str, changed: int, size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
