"""The plan: from a selection to cells with their content keys.  Pure names and hashes; nothing heavy is imported."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchhost import capability, keys
from benchhost import params as P
from benchhost.config import RunConfig
from benchhost.errors import BenchhostError, UsageError
from benchhost.plugins import Catalogue, resolve
from benchhost.selection import Ask, Chosen, expand_methods, expand_tasks
from benchhost.types import Dataset, ItemRef, Method, Task

_KINDS = {"image": "natural images", "mri": "MRI magnitude images", "kspace": "raw k-space", "ct": "CT slices"}


@dataclass(frozen=True, kw_only=True, slots=True)
class Cell:
    """One thing to compute: a method on a task at one level on one image, once.

    measurement_key, key: content keys of the measurement and of the reconstruction (40 hex digits).
    skip: why this cell cannot run, or "".
    """

    task: str
    task_params: Mapping[str, Any]
    level: str
    dataset: str
    image: str
    repeat: int
    seed: int
    method: str
    method_params: Mapping[str, Any]
    method_label: str
    metrics: tuple[str, ...]
    measurement_key: str
    key: str
    skip: str = ""
    trained_on_test: bool | None = None

    def to_json(self) -> dict[str, Any]:
        """JSON-ready fields, as the child process gets them."""
        return {**asdict(self), "metrics": list(self.metrics)}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Cell:
        """The inverse of :meth:`to_json`."""
        return cls(**{**data, "metrics": tuple(data["metrics"])})


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The cells of a run in order, and what was left out and why."""

    cells: list[Cell]
    tasks: list[Chosen]
    methods: list[Chosen]
    datasets: dict[str, Dataset]
    device: str
    left_out: list[str] = field(default_factory=list)

    def batches(self) -> Iterator[list[Cell]]:
        """Runs of consecutive cells that share task, dataset, method, parameters and repeat."""
        batch: list[Cell] = []
        for cell in self.cells:
            if batch and not _together(batch[-1], cell):
                yield batch
                batch = []
            batch.append(cell)
        if batch:
            yield batch


def make_plan(config: RunConfig, catalogue: Catalogue) -> Plan:
    """Expand a configuration into cells.

    Raises UsageError for unknown names (with the nearest), for a dataset that fits no task, for training data,
    and for a method or task asked for by name of which no cell can run (unless ``config.keep_going``).
    """
    if not config.tasks:
        raise UsageError(f"no tasks selected; known: {', '.join(sorted(catalogue.tasks))}")
    if not config.methods:
        raise UsageError(f"no methods selected; known: {', '.join(sorted(catalogue.methods))}")
    device = resolve_device(config.device)
    tasks = expand_tasks(config.tasks, catalogue)
    methods = expand_methods(config.methods, catalogue, device=device)
    datasets = {name: _dataset(name, catalogue) for name in _dataset_names(config, tasks)}
    left_out: list[str] = []
    cells: list[Cell] = []
    seen: set[str] = set()
    used: set[str] = set()
    for task in tasks:
        names = config.datasets or task.spec.datasets
        fitting = [name for name in names if datasets[name].kind in task.spec.kinds]
        left_out += [
            f"{task.name} x {name}: {_mismatch(task.spec, datasets[name])}" for name in names if name not in fitting
        ]
        if not fitting:
            raise UsageError(
                f"task '{task.name}' takes {_words(task.spec)}; none of the datasets asked for has any "
                f"({', '.join(names)}). Its own default: {', '.join(task.spec.datasets)}"
            )
        used.update(fitting)
        for name in fitting:
            for cell in _cells(task, datasets[name], methods, config, catalogue, device):
                if cell.key not in seen:
                    seen.add(cell.key)
                    cells.append(cell)
    idle = [name for name in config.datasets if name not in used]
    if idle and not config.keep_going:
        raise UsageError(
            f"dataset '{idle[0]}' fits none of the tasks asked for. {left_out[0]}. Use --keep-going to run the rest"
        )
    _refuse_impossible(cells, config)
    return Plan(cells=cells, tasks=tasks, methods=methods, datasets=datasets, device=device, left_out=left_out)


def _cells(
    task: Chosen, dataset: Dataset, methods: Sequence[Chosen], config: RunConfig, catalogue: Catalogue, device: str
) -> Iterator[Cell]:
    items = dataset.items[: config.limit]
    metrics = task_metrics(task.spec, task.params, config.metrics)
    for id in metrics:
        catalogue.metric(id)
    code = keys.measurement_code(task.spec.target)
    reader = keys.reader_code(dataset.reader)
    prefix = keys.canonical(
        [
            task.name,
            task.spec.version,
            P.content(task.params),
            code,
            dataset.name,
            dataset.reader,
            reader,
            dict(dataset.rule),
        ]
    )
    stem = hashlib.blake2b(f"{keys.KEY_VERSION}|measurement|{prefix}|{config.seed}".encode(), digest_size=20)
    measured = []  # what every method meets: hashed once, and its texts shared by the cells of all
    for repeat in range(config.repeats):
        for item in items:
            measurement = stem.copy()
            measurement.update(f"|{repeat}|{item.name}|{item.sha256}|{item.key}".encode())
            measured.append((repeat, item.name, measurement.digest(), measurement.hexdigest()))
    for method in methods:
        skip = why_not(task, dataset, method)
        tested = trained_on_test(method.spec, dataset.name, catalogue)
        suffix = keys.canonical(
            [
                method.name,
                method.spec.version,
                P.content(method.params),
                keys.reconstruction_code(method.spec.target),
                [w.sha256 for w in method.spec.weights],
                {name: _version(name) for name in method.spec.packages},
                device.partition(":")[0],
            ]
        )
        tail = hashlib.blake2b(f"{keys.KEY_VERSION}|reconstruction|{suffix}".encode(), digest_size=20).digest()
        for repeat, image, measurement, measurement_key in measured:
            yield Cell(
                task=task.name,
                task_params=task.values,
                level=task.label,
                dataset=dataset.name,
                image=image,
                repeat=repeat,
                seed=config.seed,
                method=method.name,
                method_params=method.values,
                method_label=method.label,
                metrics=metrics,
                measurement_key=measurement_key,
                key=hashlib.blake2b(measurement + tail, digest_size=20).hexdigest(),
                skip=skip,
                trained_on_test=tested,
            )


def task_metrics(task: Task, params: Any, extra: Sequence[str] = ()) -> tuple[str, ...]:
    """Metric ids of a task at these parameters, primary first, then ``extra``."""
    own = params.metrics() if callable(getattr(params, "metrics", None)) else task.metrics
    return tuple(dict.fromkeys((*own, *extra)))


def offers(task: Task, params: Any, channels: int) -> frozenset[str]:
    """Capabilities of a task at these parameters on images of so many channels."""
    more = params.offers() if callable(getattr(params, "offers", None)) else frozenset()
    offered = task.offers | more
    if "real" in offered:
        seen = 1 if task.colour == "luma" else channels
        offered |= {"colour"} if seen == 3 and "grey" not in more else {"grey"}
    return offered


def why_not(task: Chosen, dataset: Dataset, method: Chosen) -> str:
    """Why ``method`` cannot do ``task`` on ``dataset``, or ""."""
    reasons = capability.missing(method.spec.requires, offers(task.spec, task.params, dataset.channels))
    if method.spec.refuses:
        reason = resolve(method.spec.refuses)(task.spec, task.params, dataset.channels, method.params)
        reasons += [reason] if reason else []
    return "; ".join(reasons)


def trained_on_test(method: Method, dataset: str, catalogue: Catalogue) -> bool | None:
    """Whether the method's training data may contain the test set; None when undeclared."""
    if method.trained_on == ():
        return False
    from benchhost.data.lineage import judge

    status = judge(method.trained_on, dataset, catalogue.datasets).status
    return None if status == "undeclared" else status == "overlap"


def resolve_device(device: str) -> str:
    """ "auto" becomes "cuda" where an NVIDIA driver is loaded, else "cpu"; anything else is taken as asked for."""
    if device != "auto":
        return device
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES") in ("", "-1")
    return "cuda" if Path("/proc/driver/nvidia/version").exists() and not hidden else "cpu"


def find_item(dataset: Dataset, name: str) -> ItemRef:
    """The item of that name."""
    for item in dataset.items:
        if item.name == name:
            return item
    raise UsageError(f"dataset '{dataset.name}' has no image '{name}'")


def _dataset_names(config: RunConfig, tasks: Sequence[Chosen]) -> list[str]:
    return list(dict.fromkeys(config.datasets or [name for task in tasks for name in task.spec.datasets]))


def _dataset(name: str, catalogue: Catalogue) -> Dataset:
    if name not in catalogue.datasets and (os.sep in name or Path(name).is_dir()):
        from benchhost.data import folder_dataset

        dataset = folder_dataset(Path(name))
        catalogue.datasets[name] = dataset
    else:
        dataset = catalogue.dataset(name)
    if dataset.role == "train":
        raise UsageError(f"dataset '{name}' is training data; nothing is scored on it")
    return dataset


def _refuse_impossible(cells: Sequence[Cell], config: RunConfig) -> None:
    """A method or task that was asked for by name but cannot run anywhere is an error, not a table of n/a."""
    if config.keep_going:
        return
    for attribute, asks in (("method", config.methods), ("task", config.tasks)):
        possible = {getattr(cell, attribute) for cell in cells if not cell.skip}
        refused = {getattr(cell, attribute): cell for cell in reversed(cells) if cell.skip}
        for ask in asks:
            if ask.name in refused and ask.name not in possible:
                first = refused[ask.name]
                raise UsageError(
                    f"{attribute} '{ask.name}' can run nowhere in this selection. {first.method} on {first.task} "
                    f"({first.level}, {first.dataset}): {first.skip}. Use --keep-going to record such cells as skipped"
                )


def _together(a: Cell, b: Cell) -> bool:
    return (
        a.task_params is b.task_params
        and a.method_params is b.method_params
        and (a.task, a.dataset, a.method, a.repeat, a.skip) == (b.task, b.dataset, b.method, b.repeat, b.skip)
    )


def _mismatch(task: Task, dataset: Dataset) -> str:
    return f"the task takes {_words(task)}, the dataset has {_KINDS.get(dataset.kind, dataset.kind)}"


def _words(task: Task) -> str:
    return " or ".join(_KINDS.get(kind, kind) for kind in sorted(task.kinds))


@lru_cache(maxsize=256)
def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


__all__ = ["Ask", "BenchhostError", "Cell", "Plan", "make_plan"]
