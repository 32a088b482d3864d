"""One run: plan, reuse what the store has, compute the rest, hand back the results."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost.config import RunConfig
from benchhost.errors import DatasetMissing, StoreError
from benchhost.plan import Cell, Plan, make_plan
from benchhost.plugins import Catalogue

if TYPE_CHECKING:
    from benchhost.execute.stopping import Stop
    from benchhost.report import Results
    from benchhost.store import Store


@dataclass(kw_only=True)
class Progress:
    """What a watcher of the run is told; every callback may be replaced."""

    planned: Callable[[Plan, int], None] = lambda plan, cached: None
    finished: Callable[[Cell, dict[str, Any]], None] = lambda cell, record: None
    note: Callable[[str], None] = lambda text: None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a run leaves behind.

    computed: cells computed now; reused: cells found in the store, or computed by others that write to it.
    """

    run_id: str
    plan: Plan
    status: dict[str, int]
    computed: int
    reused: int
    seconds: float
    results: Results
    folder: Path


FAILURES = frozenset({"failed", "timeout", "oom", "crashed"})


def execute_run(
    config: RunConfig,
    catalogue: Catalogue,
    *,
    command: str | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Outcome:
    """Run a configuration to its end.  What is recorded stays recorded, whatever happens on the way.

    stop: asked for by whoever wants the run to end in good order; it then raises Terminated.
    Raises UsageError, DatasetMissing and StoreError (a folder or store that cannot be written) before anything is
    computed.
    """
    from benchhost import execute
    from benchhost.execute.stopping import Stop
    from benchhost.store import Store
    from benchhost.store.artifacts import check_writable

    progress, stop = progress or Progress(), stop or Stop(config.grace)
    plan = make_plan(config, catalogue)
    folder = Path(config.results)
    check_writable(folder)
    start = time.monotonic()
    with Store.open(config.store or folder) as store:
        done = set() if config.fresh else store.finished(cell.key for cell in plan.cells)
        pending = [cell for cell in plan.cells if cell.key not in done]
        _find_data(plan, pending, config, progress)
        run_id = store.begin_run(_facts(config, plan, command, folder), plan.cells, metrics=catalogue.metrics)
        catalogue.observe(
            "benchhost_run_started",
            run={"run_id": run_id, "command": command, "cells": len(plan.cells), "cached": len(done)},
        )
        progress.planned(plan, len(done))
        watched = catalogue.observed("benchhost_cell_finished")

        def observe(cell: Cell, record: dict[str, Any]) -> None:
            if watched:
                catalogue.observe("benchhost_cell_finished", cell=cell.to_json(), record=record)
            progress.finished(cell, record)

        try:
            options = _options(config, plan, folder)
            common = {"store": store, "run_id": run_id, "options": options, "catalogue": catalogue, "stop": stop}
            with stop.heeded():
                gone = _complete_scores(plan, done, common, progress)
                pending += gone
                again = None if config.fresh else {cell.key for cell in gone}
                counts = execute.execute(pending, again=again, observer=observe, **common)
                if config.exclusive_timing:  # what came from the store has to be timed on this machine, too
                    computed = {cell.key for cell in pending}
                    again = [cell for cell in plan.cells if cell.key in done - computed]
                    execute.time_again(again, observer=observe, **common)
        except BaseException:
            with suppress(StoreError):  # it must not stand before the reason why the run ends
                _finish(store, run_id, catalogue)
            raise
        status = _finish(store, run_id, catalogue)
        results = open_results(store, run_id)
    return Outcome(
        run_id=run_id,
        plan=plan,
        status=status,
        computed=len(pending) - counts["elsewhere"],
        reused=len(plan.cells) - len(pending) + counts["elsewhere"],
        seconds=time.monotonic() - start,
        results=results,
        folder=folder,
    )


def _finish(store: Store, run_id: str, catalogue: Catalogue) -> dict[str, int]:
    status = dict(store.finish_run(run_id))
    catalogue.observe("benchhost_run_finished", run={"run_id": run_id, "status": status})
    return status


def _complete_scores(plan: Plan, done: set[str], common: dict[str, Any], progress: Progress) -> list[Cell]:
    """Score stored reconstructions with the metrics they lack; returns cells whose reconstruction is gone."""
    from benchhost import execute

    store, catalogue = common["store"], common["catalogue"]
    lacking = store.missing_metrics((c for c in plan.cells if c.key in done), metrics=catalogue.metrics)
    if not lacking or common["stop"].asked:
        return []
    progress.note(f"scoring {len(lacking)} stored reconstructions with metrics they lack")
    return execute.rescore(lacking, **common)


def open_results(store: Store, run_id: str | None = None) -> Results:
    """The results of a run (the latest without ``run_id``), as reports read them."""
    from benchhost.report import Results

    run = store.run(run_id)
    return Results(frame=store.frame(run["run_id"]), run=run, traces=store.traces(run["run_id"]))


def _options(config: RunConfig, plan: Plan, folder: Path) -> Any:
    from benchhost.execute import Options

    return Options(
        workers=config.workers,
        threads=config.threads,
        device=plan.device,
        timeout_s=config.timeout,
        memory_gb=config.memory_gb,
        isolation=config.isolation,
        save=config.save,
        exclusive_timing=config.exclusive_timing,
        results=folder,
        plugins=config.plugins,
    )


def _facts(config: RunConfig, plan: Plan, command: str | None, folder: Path) -> dict[str, Any]:
    from benchhost.store.dialects import hide_password

    return {
        "command": hide_password(command or " ".join(["benchhost", *sys.argv[1:]])),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "device": plan.device,
        "config": {**asdict(config), "store": hide_password(config.store)},
        "results": str(folder),
        "cwd": os.getcwd(),
    }


def _find_data(plan: Plan, pending: Sequence[Cell], config: RunConfig, progress: Progress) -> None:
    """Find (or fetch) every file that pending cells need, before the first is computed."""
    from benchhost.data import locate

    needed = dict.fromkeys((cell.dataset, cell.image) for cell in pending if not cell.skip)
    items = {name: {ref.name: ref for ref in dataset.items} for name, dataset in plan.datasets.items()}
    for name, image in needed:
        dataset, ref = plan.datasets[name], items[name][image]
        if not ref.file:  # computed, not read: phantoms stand beside files in one dataset
            continue
        try:
            locate(dataset, ref)
        except DatasetMissing as error:
            if not config.keep_going:
                raise
            progress.note(f"{error} (its cells will be recorded as failed)")


def override(config: RunConfig, **values: Any) -> RunConfig:
    """A copy with the given fields that are not None."""
    return replace(config, **{k: v for k, v in values.items() if v is not None})
