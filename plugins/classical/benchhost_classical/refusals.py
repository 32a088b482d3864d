"""Why a method cannot do a task, said when the run is planned; torch-free."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from benchhost.types import Task
from benchhost_classical.params import Bm3dParams, DctParams, TvParams


def tv(task: Task, task_params: Any, channels: int, params: TvParams) -> str | None:
    """TV needs a linear A, or JPEG's decoded image."""
    if task.name == "jpeg" or "linear" in task.offers:
        return None
    return f"'{task.name}' has no linear operator"


def dct(task: Task, task_params: Any, channels: int, params: DctParams) -> str | None:
    """Denoising only."""
    return _denoising_only("dct", task)


def bm3d(task: Task, task_params: Any, channels: int, params: Bm3dParams) -> str | None:
    """Denoising only, of one or three channels, and only where the package is installed."""
    if reason := _denoising_only("bm3d", task):
        return reason
    if channels not in (1, 3):
        return f"bm3d takes images of 1 or 3 channels, not {channels}"
    if find_spec("bm3d") is None:
        return "the package 'bm3d' is not installed: pip install benchhost[bm3d]"
    return None


def _denoising_only(method: str, task: Task) -> str | None:
    return (
        None if task.name == "denoise" else f"{method} removes white noise; '{task.name}' measures through an operator"
    )
