"""Which weights this package ships, and which tasks they are for; imports no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchhost.errors import UsageError
from benchhost.types import Task
from benchhost_rim.params import TASKS, RimParams


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A file of weights beside this module.

    variant: which network's.  tasks: what it was trained for.
    steps: how many to take, where held-out training images say that another number than the file's T is better.
    """

    file: str
    sha256: str
    variant: str = "universal"
    tasks: tuple[str, ...] = TASKS
    steps: int | None = None


SHIPPED: tuple[Shipped, ...] = (
    Shipped(file="rim.safetensors", sha256="b8ece8b9f1d0d95ee2d338bbe6a53839f0a3253d4dc0f56b96265e0c0dfd1231"),
    Shipped(
        file="rim-mri.safetensors",
        sha256="d77e8a0d433f0eaff91f88a928a101aebe7528dd06b5ca9cca803a54a0257422",
        variant="mri",
        tasks=("mri",),
    ),
)


def chosen(variant: str) -> Shipped | None:
    """The file of a variant."""
    return next((shipped for shipped in SHIPPED if shipped.variant == variant), None)


def refuses(task: Task, task_params: Any, channels: int, params: RimParams) -> str | None:
    """Why a task cannot be done; weights given by name are the user's choice."""
    if params.variant == "mri" and task.name != "mri":
        return f"variant=mri is for complex images of MRI, not for {task.name} (leave it out)"
    if params.weights:
        return None
    shipped = chosen(params.variant)
    if shipped is None:
        return f"no weights of variant {params.variant} are shipped yet (give others with rim:weights=FILE)"
    if task.name not in shipped.tasks:
        trained = ", ".join(shipped.tasks)
        return f"the weights are trained for {trained}, not for {task.name} (give others with rim:weights=FILE)"
    return None


def digest_of(file: str) -> str:
    """sha256 of a file of weights.  Raises UsageError where there is none."""
    path = Path(file).expanduser()
    if not path.is_file():
        raise UsageError(f"method 'rim': no file of weights '{file}' (looked for {path.absolute()})")
    status = path.stat()
    return _digest(str(path.absolute()), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _digest(path: str, changed: int, size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
