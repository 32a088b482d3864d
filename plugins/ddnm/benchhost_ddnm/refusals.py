"""Why the samplers cannot do a task, said when a run is planned; torch-free."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from benchhost.types import Task
from benchhost_ddnm.params import DdnmParams, DdnmPlusParams, DenoiserParams
from benchhost_ddnm.plugin import PRIOR


def ddnm(task: Task, task_params: Any, channels: int, params: DdnmParams) -> str | None:
    """Not the identity: keeping A x = y would give y back.  And nothing without a prior."""
    if task.name == "denoise":
        return "DDNM keeps A x = y, so that denoising would return the noisy image itself; ddnm_plus denoises"
    return _no_prior(params)


def ddnm_plus(task: Task, task_params: Any, channels: int, params: DdnmPlusParams) -> str | None:
    """Nothing without a prior."""
    return _no_prior(params)


def denoiser(task: Task, task_params: Any, channels: int, params: DenoiserParams) -> str | None:
    """Noise alone can be taken off by one evaluation."""
    if task.name != "denoise":
        return "one evaluation of the prior takes off noise, nothing else; ddnm and ddnm_plus use it for other tasks"
    if not task_params.sigma:
        return "there is no noise to take off"
    return _no_prior(params)


def _no_prior(params: DenoiserParams) -> str | None:
    package, _, file = PRIOR.file.partition(":")
    if params.weights is None and not (files(package) / file).is_file():
        return f"this installation ships no {file}; train one (benchhost train prior) and give weights=FILE"
    return None
