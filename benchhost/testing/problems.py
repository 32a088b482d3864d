"""Small problems for contract tests: a task posed on a generated image, no file needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchhost import params as P
from benchhost.errors import UnsuitableImage
from benchhost.plan import offers
from benchhost.plugins import resolve_for
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed, Problem, Task

if TYPE_CHECKING:
    import numpy as np

SIZES = (32, 48, 64, 96, 128)


@dataclass(frozen=True, kw_only=True)
class Posing:
    """A task posed: ``problem`` for methods, ``posed`` with truth and view for scoring.

    values: the task's parameter record.  offers: its capabilities on this image.
    """

    task: Task
    values: Any
    item: Item
    posed: Posed
    problem: Problem
    offers: frozenset[str]


def synthetic_item(kind: str, size: int, *, channels: int = 1, seed: int = 0) -> Item:
    """A generated item of a dataset kind, ``size`` x ``size`` pixels.

    kind: "image" (correlated Gaussian texture, uint8), "mri" (phantom, peak 1), "ct" (phantom, Hounsfield units).
    """
    import numpy as np

    from benchhost.data.phantoms import phantom

    if kind == "image":
        array = _texture(size, channels, seed)
    elif kind == "mri":
        array = phantom("ellipses-mri", size, seed)
    elif kind == "ct":
        array = (2000 * phantom("ellipses-ct", size, seed) - 1000).astype(np.float32)
    else:
        raise ValueError(f"no synthetic item of kind '{kind}'; there are: image, mri, ct")
    return Item(dataset="synthetic", name=f"{kind}{size}-{seed}", kind=kind, array=array)


def pose(
    task: Task,
    values: Mapping[str, Any] | None = None,
    *,
    channels: int = 1,
    seed: int = 0,
    size: int | None = None,
    device: str = "cpu",
) -> Posing:
    """Pose a task on the smallest synthetic image that suits it.

    values: parameters; default: the task's default level.
    size: pixels; default: the first of ``SIZES`` that the task does not call unsuitable.
    Raises UnsuitableImage where none is suitable, ValueError for a task that takes raw files only.
    """
    chosen = task.levels[task.default_level] if values is None else values
    params = P.build(resolve_for(task, "params"), chosen, owner=f"task '{task.name}'")
    kinds = [kind for kind in ("image", "mri", "ct") if kind in task.kinds]
    if not kinds:
        raise ValueError(f"task '{task.name}' takes {', '.join(sorted(task.kinds))}: no synthetic item is of that kind")
    runtime = resolve_for(task)(params)
    seeds = Seeds(task=f"{task.name}@{task.version}", dataset="synthetic", image=str(seed))
    item, posed = _fitting(runtime, kinds[0], [size] if size else SIZES, channels, seed, seeds)
    return Posing(
        task=task,
        values=params,
        item=item,
        posed=posed,
        problem=problem_of(posed, task, params, seed=seed, device=device),
        offers=offers(task, params, channels if kinds[0] == "image" else 1),
    )


def problem_of(posed: Posed, task: Task, params: Any, *, seed: int = 0, device: str = "cpu") -> Problem:
    """What a method gets of a posed problem."""
    import torch

    return Problem(
        y=posed.y.to(device),
        physics=posed.physics if device == "cpu" else posed.physics.to(device),
        sigma=posed.sigma,
        image_shape=tuple(posed.truth.shape[1:]),
        rng=torch.Generator().manual_seed(seed),
        complex_image=posed.complex_image,
        value_range=posed.value_range,
        task=task.name,
        task_params=P.as_dict(params),
        device=device,
    )


def _fitting(
    runtime: Any, kind: str, sizes: tuple[int, ...] | list[int], channels: int, seed: int, seeds: Seeds
) -> tuple[Item, Posed]:
    for size in sizes:
        item = synthetic_item(kind, size, channels=channels, seed=seed)
        try:
            return item, runtime.pose(item, seeds)
        except UnsuitableImage:
            if size == sizes[-1]:
                raise
    raise AssertionError("no size was tried")


def _texture(size: int, channels: int, seed: int) -> np.ndarray:
    import numpy as np
    import torch

    from benchhost.testing.priors import GaussianPrior

    prior = GaussianPrior((channels, size, size), correlation=0.8 if channels > 1 else 0.0)
    x = prior.sample(1, torch.Generator().manual_seed(seed), torch.float64)[0].clamp(0, 1)
    array = np.uint8(np.round(255 * x.permute(1, 2, 0).numpy()))
    return array[..., 0] if channels == 1 else array
