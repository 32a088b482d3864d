"""``benchhost plan``: the cells a run would compute."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import click

from benchhost.cli.options import print_json
from benchhost.cli.run import make_config, selection_options
from benchhost.plan import Plan, make_plan


@click.command()
@selection_options
@click.option("--explain", is_flag=True, help="Say for every task and method why it can or cannot run.")
@click.option("--results", metavar="DIR", help="Folder whose store is asked for cells that are there already.")
def plan(explain: bool, as_json: bool, results: str | None, **given: Any) -> None:
    """Show how many cells a run has, how many are stored already, and with --explain why some cannot run."""
    given["keep_going"] = True if explain else given.get("keep_going")
    config, catalogue = make_config(**given)
    made = make_plan(config, catalogue)
    stored = _stored(made, Path(results or "results"))
    groups = _groups(made, stored)
    if as_json:
        print_json({"cells": len(made.cells), "stored": len(stored), "groups": groups, "left_out": made.left_out})
        return
    for group in groups:
        state = f"skipped: {group['skip']}" if group["skip"] else f"{group['stored']} stored"
        if explain or not group["skip"]:
            place = f"{group['task']} {group['level']} | {group['dataset']} | {group['method']}"
            click.echo(f"{place}: {group['cells']} cells, {state}")
    for line in made.left_out:
        click.echo(f"left out: {line}")
    skipped = sum(1 for cell in made.cells if cell.skip)
    todo = sum(1 for cell in made.cells if not cell.skip and cell.key not in stored)
    hint = " (see --explain)" if skipped and not explain else ""
    click.echo(f"{len(made.cells)} cells: {todo} to compute, {len(stored)} stored, {skipped} skipped{hint}")


def _stored(plan: Plan, folder: Path) -> set[str]:
    """Keys that the store has; without a store file the store's code is not even imported."""
    if not (folder / "benchhost.sqlite").exists():
        return set()
    from benchhost.store import Store

    with Store.open(folder) as store:
        return store.finished([cell.key for cell in plan.cells])


def _groups(plan: Plan, stored: set[str]) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, ...]] = Counter()
    have: Counter[tuple[str, ...]] = Counter()
    for cell in plan.cells:
        group = (cell.task, cell.level, cell.dataset, cell.method_label, cell.skip)
        counts[group] += 1
        have[group] += cell.key in stored
    names = ("task", "level", "dataset", "method", "skip")
    return [{**dict(zip(names, group, strict=True)), "cells": n, "stored": have[group]} for group, n in counts.items()]
