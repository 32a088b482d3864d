"""Which weights this package ships, and which of them a task is done with; imports no torch."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from benchhost.capability import missing
from benchhost.errors import UsageError
from benchhost.types import Task
from benchhost_nsr.params import LEVELS, RESTORED, TASKS, NsrParams

NEEDS = frozenset({"linear", "adjoint", "pinv", "awgn", "sigma"})  # of a task that is restored from A+ y
GIVE = "(give others with nsr:weights=FILE)"


@dataclass(frozen=True, kw_only=True)
class Shipped:
    """A file of weights beside this module.

    tasks: what it was trained for.  scale: of super-resolution; None for other tasks.
    """

    file: str
    sha256: str
    tasks: tuple[str, ...]
    scale: int | None = None


SHIPPED: tuple[Shipped, ...] = (
    Shipped(
        file="nsr-denoise.safetensors",
        sha256="052ccebb1c3ac2c62a714c4d12b3c4bc9225d3486cdaa6a363c4e8550bf39798",
        tasks=("denoise",),
    ),
    Shipped(
        file="nsr-jpeg.safetensors",
        sha256="9d803cb98b0f281acaa067ad478eacda5c0e0021182235b6c2de0198172335b4",
        tasks=("jpeg",),
    ),
    Shipped(
        file="nsr-sr2.safetensors",
        sha256="3f95113676427a1044bf9ca49f302d608f8870514c3d677c1d8dc629818bc47b",
        tasks=("sr",),
        scale=2,
    ),
    Shipped(
        file="nsr-sr3.safetensors",
        sha256="0bdc6272498622e3adba15b7852a8bcb11006019b2dd1f5bd4de29bc23c30bf0",
        tasks=("sr",),
        scale=3,
    ),
    Shipped(
        file="nsr-sr4.safetensors",
        sha256="38bc00bc746f0ce21b3e241d6592d87b8404043c10a6eb47dd1fd3f5830b41a7",
        tasks=("sr",),
        scale=4,
    ),
    Shipped(
        file="nsr-restore.safetensors",
        sha256="8d921ef0a7ed56b93e03ef02643fe0c4f1ffba12e3f484f3e7539a35367b36bd",
        tasks=("cs", "mri", "ct", "inpaint", "deblur"),
    ),
)


def chosen(task: str, scale: int | None = None) -> Shipped | None:
    """The first file trained for a task, and for super-resolution at its scale."""
    scale = scale if task == "sr" else None
    return next((shipped for shipped in SHIPPED if task in shipped.tasks and shipped.scale == scale), None)


def refuses(task: Task, task_params: Any, channels: int, params: NsrParams) -> str | None:
    """Why the shipped weights cannot do a task at a level; weights given by name are the user's choice."""
    if task.name in RESTORED:
        own = task_params.offers() if hasattr(task_params, "offers") else frozenset()
        if reasons := missing(NEEDS, task.offers | own):
            return "; ".join(reasons)
    if params.weights:
        return None
    if not any(task.name in shipped.tasks for shipped in SHIPPED):
        trained = sorted({name for shipped in SHIPPED for name in shipped.tasks}, key=TASKS.index)
        known = f"trained for {', '.join(trained)}" if trained else "for no task: none are shipped yet"
        return f"the weights are {known}, not for {task.name} {GIVE}"
    if task.name == "sr":
        return _sr(task_params)
    if task.name == "jpeg":
        return _jpeg(task_params, channels)
    if task.name == "denoise" and task_params.sigma > LEVELS["denoise"][1]:
        return f"the weights are trained for noise up to {LEVELS['denoise'][1]:g}, not {task_params.sigma:g} {GIVE}"
    return None


def _sr(task_params: Any) -> str | None:
    if not chosen("sr", task_params.scale):
        scales = ", ".join(str(shipped.scale) for shipped in SHIPPED if "sr" in shipped.tasks)
        return f"the weights are trained for sr at scale {scales}, not {task_params.scale} {GIVE}"
    if task_params.sigma:
        return f"the weights are trained for sr without noise {GIVE}"
    return None


def _jpeg(task_params: Any, channels: int) -> str | None:
    if channels == 3 and task_params.colour == "keep":
        return "the weights are trained for grey JPEG files: take the luma of colour images (jpeg:colour=luma)"
    low, high = LEVELS["jpeg"]
    if not low <= task_params.quality <= high:
        return f"the weights are trained for JPEG quality {low} to {high}, not {task_params.quality} {GIVE}"
    return None


def digest_of(file: str) -> str:
    """sha256 of a file of weights.  Raises UsageError where there is none."""
    path = Path(file).expanduser()
    if not path.is_file():
        raise UsageError(f"method 'nsr': no file of weights '{file}' (looked for {path.absolute()})")
    status = path.stat()
    return _digest(str(path.absolute()), status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=16)
def _digest(path: str, changed: int, size: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()
