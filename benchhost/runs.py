"""One run: plan, reuse what the store has, compute the rest, hand back the results."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost.config import RunConfig
from benchhost.errors import DatasetMissing
from benchhost.plan import Cell, Plan, make_plan
from benchhost.plugins import Catalogue

if TYPE_CHECKING:
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

    computed: cells computed now; reused: cells found in the store.
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
    config: RunConfig, catalogue: Catalogue, *, command: str | None = None, progress: Progress | None = None
) -> Outcome:
    """Run a configuration to its end.  What is recorded stays recorded, whatever happens on the way.

    Raises UsageError and DatasetMissing before anything is computed.
    """
    from benchhost import execute
    from benchhost.store import Store

    progress = progress or Progress()
    plan = make_plan(config, catalogue)
    folder = Path(config.results)
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
            pending += _complete_scores(plan, done, store, run_id, options, catalogue, progress)
            execute.execute(pending, store=store, run_id=run_id, options=options, observer=observe, catalogue=catalogue)
            if config.exclusive_timing:  # what came from the store has to be timed on this machine, too
                computed = {cell.key for cell in pending}
                again = [cell for cell in plan.cells if cell.key in done - computed]
                execute.time_again(
                    again, store=store, run_id=run_id, options=options, observer=observe, catalogue=catalogue
                )
        finally:
            status = store.finish_run(run_id)
            catalogue.observe("benchhost_run_finished", run={"run_id": run_id, "status": dict(status)})
        results = open_results(store, run_id)
    return Outcome(
        run_id=run_id,
        plan=plan,
        status=dict(status),
        computed=len(pending),
        reused=len(plan.cells) - len(pending),
        seconds=time.monotonic() - start,
        results=results,
        folder=folder,
    )


def _complete_scores(
    plan: Plan,
    done: set[str],
    store: Store,
    run_id: str,
    options: Any,
    catalogue: Catalogue,
    progress: Progress,
) -> list[Cell]:
    """Score stored reconstructions with the metrics they lack; returns cells whose reconstruction is gone."""
    from benchhost import execute

    lacking = store.missing_metrics((c for c in plan.cells if c.key in done), metrics=catalogue.metrics)
    if not lacking:
        return []
    progress.note(f"scoring {len(lacking)} stored reconstructions with metrics they lack")
    return execute.rescore(lacking, store=store, run_id=run_id, options=options, catalogue=catalogue)


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
    return {
        "command": command or " ".join(["benchhost", *sys.argv[1:]]),
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "device": plan.device,
        "config": asdict(config),
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
