"""benchhost from Python: ``evaluate`` a function, ``run`` a selection, ``load`` results; all give DataFrames."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from benchhost.config import RunConfig
from benchhost.errors import UsageError
from benchhost.plugins import Catalogue
from benchhost.plugins import load as load_plugins
from benchhost.selection import Ask, parse_methods, parse_tasks
from benchhost.types import Method

if TYPE_CHECKING:
    import pandas as pd
    from torch import Tensor

Selection = str | Iterable[str | Mapping[str, Any]]

# Functions given to ``evaluate`` are methods like any other; this is where their target points.
functions = SimpleNamespace()


class _FunctionMethod:
    """A plain function ``f(y, physics)`` or ``f(problem)`` as a reconstructor."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        import inspect

        self.function = function
        wanted = [p for p in inspect.signature(function).parameters.values() if p.default is p.empty]
        positional = [p for p in wanted if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
        self.takes_problem = len(positional) == 1

    def reconstruct(self, problem: Any) -> Tensor:
        if self.takes_problem:
            return self.function(problem)
        return self.function(problem.y, problem.physics)


def evaluate(
    method: Callable[..., Tensor] | str,
    *,
    task: str = "denoise",
    dataset: str | Sequence[str] = (),
    limit: int | None = None,
    seed: int = 0,
    repeats: int = 1,
    device: str = "auto",
) -> pd.DataFrame:
    """Score one function on a task, in this process, without keeping anything.

    method: ``f(y, physics) -> estimate`` (deepinv's calling convention) or ``f(problem) -> estimate``;
        estimates are (B, C, H, W).  A method's name works too.
    task: as on the command line, ``"cs:ratio=0.1,0.25"``.
    dataset: names; the task's embedded default when empty.

    Returns one row per image and metric, columns as ``benchhost export`` writes them.  An image on which the function
    raises is a row with status "failed" and the reason::

        benchhost.evaluate(lambda y, physics: physics.A_dagger(y), task="cs")
    """
    catalogue = load_plugins()
    name = method if isinstance(method, str) else _register(method, catalogue)
    datasets = (dataset,) if isinstance(dataset, str) else tuple(dataset)
    with tempfile.TemporaryDirectory(prefix="benchhost-") as folder:
        return run(
            tasks=task,
            methods=name,
            datasets=datasets,
            limit=limit,
            seed=seed,
            repeats=repeats,
            device=device,
            results=folder,
            isolation=False,
            save="none",
            catalogue=catalogue,
        )


def run(
    *,
    tasks: Selection,
    methods: Selection,
    datasets: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    plugins: Sequence[str] = (),
    **options: Any,
) -> pd.DataFrame:
    """Run the cross product and return its rows; the same as ``benchhost run``, with the same store and resume.

    tasks, methods: as on the command line, or a list of names and mappings
        (``[{"use": "cs", "ratio": [0.1, 0.25]}]``).
    options: fields of :class:`benchhost.config.RunConfig` (``limit``, ``seed``, ``workers``, ``results``, ...).
    """
    from benchhost.errors import unknown
    from benchhost.runs import execute_run

    catalogue = catalogue or load_plugins(plugins)
    known = RunConfig.__dataclass_fields__
    for key in options:
        if key not in known:
            raise unknown("option", key, known, where="benchhost.run")
    names = (datasets,) if isinstance(datasets, str) else tuple(datasets)
    config = RunConfig(
        tasks=tuple(_asks(tasks, parse_tasks, catalogue)),
        methods=tuple(_asks(methods, parse_methods, catalogue)),
        datasets=names,
        plugins=tuple(plugins),
        **{k: v for k, v in options.items() if v is not None},
    )
    return execute_run(config, catalogue, command="benchhost.run(...)").results.frame


def load(results: str | Path = "results", *, run_id: str | None = None) -> pd.DataFrame:
    """The rows of a run in a results folder (the latest by default, ``run_id="all"`` for every run) or a store URL."""
    from benchhost.store import Store

    if "://" not in str(results) and not (Path(results) / "benchhost.sqlite").exists():
        raise UsageError(f"no results in '{results}' (no benchhost.sqlite there)")
    with Store.open(results) as store:
        return store.frame(None if run_id == "all" else store.run(run_id)["run_id"])


def _register(function: Callable[..., Tensor], catalogue: Catalogue) -> str:
    name = getattr(function, "__name__", type(function).__name__)
    name = "function" if not name.isidentifier() or name in catalogue.methods else name
    setattr(functions, name, lambda params: _FunctionMethod(function))
    target = f"benchhost.api:functions.{name}"
    catalogue.methods[name] = Method(name=name, target=target, summary="a function", trained_on=None, stochastic=True)
    return name


def _asks(selection: Selection, parse: Callable[..., list[Ask]], catalogue: Catalogue) -> list[Ask]:
    if isinstance(selection, str):
        return parse(selection, catalogue)
    asks: list[Ask] = []
    for item in selection:
        if isinstance(item, str):
            asks += parse(item, catalogue)
            continue
        values = {
            k: list(v) if isinstance(v, list | tuple) else [v] for k, v in item.items() if k not in ("use", "label")
        }
        asks.append(Ask(name=item["use"], values=values, label=item.get("label", "")))
    return asks
