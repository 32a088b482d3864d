"""``benchhost compare``: two runs, commits or methods, cell by cell, with a verdict and an exit code for CI."""

from __future__ import annotations

from contextlib import ExitStack
from typing import Any

import click

from benchhost.cli.options import json_option, print_json, results_folder, results_option
from benchhost.errors import UsageError


@click.command()
@click.argument("a")
@click.argument("b")
@click.option("--run", "run_id", metavar="RUN_ID", help="The run whose methods are compared (default: the latest).")
@click.option(
    "--rope",
    "ropes",
    default="0",
    metavar="MARGIN",
    help="Difference that does not matter, in the metric's unit: 0.02, or psnr=0.02,ssim=0.0005.",
)
@click.option("--metrics", metavar="NAMES", help="Only these metrics (psnr,ssim); default: all that are ranked.")
@click.option(
    "--fail-on",
    "fail_on",
    type=click.Choice(["worse", "better", "few"]),
    multiple=True,
    help="End with 1 when a cell of B is so; worse includes cells that B lost.",
)
@click.option("--store", metavar="URL", help="SQLAlchemy URL of the store.")
@results_option
@json_option
def compare(
    a: str,
    b: str,
    run_id: str | None,
    ropes: str,
    metrics: str | None,
    fail_on: tuple[str, ...],
    store: str | None,
    results: str | None,
    as_json: bool,
) -> int:
    """Compare B with A, image by image: two runs, two commits, two results folders, or two methods of one run.

    A and B are run ids, commits of the code that runs were made with, folders (FOLDER or FOLDER:RUN_ID), or methods
    as they are named in the table.  Better and worse are said where the 95 % interval of the mean difference lies
    beyond the margin and the signed-rank test, corrected over the cells, agrees; never under 6 images.
    """
    from benchhost.report.comparison import compare as differences

    margins = _ropes(ropes)
    first, second = _sides(a, b, run_id, store, results)
    found = differences(first.frame, second.frame, by_method=not first.method, ropes=margins)
    if metrics:
        wanted = {name.strip() for name in metrics.split(",")}
        found = [d for d in found if d.metric in wanted]
    if not found:
        raise UsageError(f"'{a}' and '{b}' have no cell in common to compare")
    counts: dict[str, int] = {}
    for d in found:
        counts[d.verdict] = counts.get(d.verdict, 0) + 1
    notes = _notes(first, second)
    if as_json:
        print_json(
            {"a": first.label, "b": second.label, "verdicts": counts, "notes": notes, "rows": [d.json() for d in found]}
        )
    else:
        _print(found, first.label, second.label, counts, notes)
    bad = {name for kind in fail_on for name in (("worse", "lost") if kind == "worse" else (kind,))}
    return 1 if bad & set(counts) else 0


def _sides(a: str, b: str, run_id: str | None, store: str | None, results: str | None) -> tuple[Any, Any]:
    from benchhost.cli.open_store import open_store
    from benchhost.cli.sides import find_side

    with ExitStack() as stack:
        opened = None
        if store or (results_folder(results) / "benchhost.sqlite").exists():
            opened = stack.enter_context(open_store(results_folder(results), store))
        first, second = (find_side(text, store=opened, run_id=run_id) for text in (a, b))
    if first.method != second.method:
        names = ("a method", "a run")
        one, two = names if first.method else names[::-1]
        raise UsageError(f"'{a}' is {one} and '{b}' is {two}: compare two runs or two methods")
    return first, second


def _print(found: Any, first: str, second: str, counts: dict[str, int], notes: list[str]) -> None:
    from benchhost.report.comparison import comparison_table
    from benchhost.report.terminal_table import render

    click.echo(render(comparison_table(found, first=first, second=second)))
    click.echo("\n" + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    for note in notes:
        click.echo(note)


def _notes(first: Any, second: Any) -> list[str]:
    """What makes two runs less comparable than they look."""
    if first.method:
        return []
    notes = []
    if first.run.get("seed") != second.run.get("seed"):
        notes.append(f"note: seeds differ ({first.run.get('seed')}, {second.run.get('seed')}): the noise is another")
    for name in ("torch", "cpu"):
        one, two = ((side.run.get("environment") or {}).get(name, "") for side in (first, second))
        if one != two:
            notes.append(f"note: {name} differs: {one or 'unknown'}, {two or 'unknown'}")
    return notes


def _ropes(text: str) -> dict[str, float]:
    """``0.02`` or ``psnr=0.02,ssim=0.0005``."""
    found: dict[str, float] = {}
    for part in text.split(","):
        name, _, value = part.rpartition("=")
        try:
            found[name.strip()] = float(value)
        except ValueError:
            raise UsageError(f"--rope '{text}': '{value}' is not a number") from None
        if found[name.strip()] < 0:
            raise UsageError(f"--rope '{text}': a margin cannot be negative")
    return found
