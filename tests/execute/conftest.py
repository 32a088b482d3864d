"""Cells of the synthetic task, and runs of them with a store."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from benchhost import execute
from benchhost.config import RunConfig
from benchhost.plan import Cell, make_plan
from benchhost.plugins import Catalogue, load
from benchhost.selection import parse_methods, parse_tasks
from benchhost.store import Store
from tests.execute.runs_to_kill import Nursery

PLUGINS = ("benchhost.testing.synthetic", "benchhost.testing.faults")


@pytest.fixture(scope="session")
def catalogue() -> Catalogue:
    return load(PLUGINS, installed=False)


@pytest.fixture(scope="session")
def plan(catalogue: Catalogue) -> Callable[..., list[Cell]]:
    def make(methods: str, *, tasks: str = "synthetic", limit: int = 2, **config: Any) -> list[Cell]:
        return make_plan(
            RunConfig(
                tasks=tuple(parse_tasks((tasks,), catalogue)),
                methods=tuple(parse_methods((methods,), catalogue)),
                limit=limit,
                device="cpu",
                **config,
            ),
            catalogue,
        ).cells

    return make


@pytest.fixture
def run(catalogue: Catalogue, tmp_path: Path) -> Callable[..., Any]:
    """Execute cells with a store in ``folder``; gives the run's result frame."""

    def go(cells: Sequence[Cell], *, folder: Path = tmp_path, observer: Any = None, **options: Any) -> Any:
        settings = {"threads": 1, "plugins": PLUGINS, "installed": False, **options}
        with Store.open(folder) as store:
            run_id = store.begin_run({"command": "test"}, cells, metrics=catalogue.metrics, environment={})
            execute.execute(
                cells,
                store=store,
                run_id=run_id,
                options=execute.Options(results=folder, **settings),
                observer=observer or (lambda cell, record: None),
                catalogue=catalogue,
            )
            store.finish_run(run_id)
            return store.frame(run_id)

    return go


@pytest.fixture(scope="module")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Forks runs that may be killed; none outlives the module's tests."""
    made = Nursery(tmp_path_factory.mktemp("nursery"))
    yield made
    made.close()
