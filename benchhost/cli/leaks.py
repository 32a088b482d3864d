"""``benchhost leaks``: what methods were trained on against what they are tested on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from benchhost.cli.options import json_option, print_json, with_catalogue
from benchhost.plugins import Catalogue
from benchhost.types import Dataset, Method


@click.command()
@click.option("--methods", default="", metavar="A,B", help="Methods (default: all that are trained).")
@click.option("--datasets", default="", metavar="X,Y", help="Test sets (default: all).")
@click.option("--scan", "folder", metavar="FOLDER", help="Look for the test sets' pictures among the images in FOLDER.")
@click.option("--no-crops", is_flag=True, help="With --scan: do not look for crops, which takes most of the time.")
@json_option
@with_catalogue
def leaks(methods: str, datasets: str, folder: str | None, no_crops: bool, as_json: bool, catalogue: Catalogue) -> None:
    """Show which methods may have been trained on pictures of which test sets.

    By lineage: what methods and dataset cards declare; "undeclared" is never "clean".  With --scan by the pictures:
    checksums, thumbnails in eight orientations, and crops; ends with 1 when it finds one.
    """
    chosen = _datasets(datasets, catalogue, scanning=folder is not None)
    if folder is not None:
        _scan(folder, chosen, crops=not no_crops, as_json=as_json)
        return
    from benchhost.data.lineage import lineage_of

    lineage = lineage_of([*catalogue.datasets.values(), *chosen])
    rows = [
        {"method": m.name, "dataset": d.name, "status": v.status, "reason": v.reason}
        for m in _methods(methods, catalogue)
        for d in chosen
        for v in [lineage.judge_all(m.trained_on, d.name)]
    ]
    if as_json:
        print_json(rows)
        return
    _print_table(rows, [d.name for d in chosen])


def _print_table(rows: Sequence[dict[str, Any]], datasets: Sequence[str]) -> None:
    """Datasets down, methods across; the reasons below."""
    from tabulate import tabulate

    methods = list(dict.fromkeys(row["method"] for row in rows))
    if not methods:
        click.echo("No method here was trained on anything.")
        return
    status = {(row["method"], row["dataset"]): row["status"] for row in rows}
    click.echo(tabulate([[d, *(status[m, d] for m in methods)] for d in datasets], headers=["test set", *methods]))
    for row in rows:
        if row["reason"]:
            click.echo(f"{row['method']} on {row['dataset']}: {row['status']}: {row['reason']}")


def _scan(folder: str, datasets: Sequence[Dataset], *, crops: bool, as_json: bool) -> None:
    from benchhost.data.lookalikes import absent, scan

    for name, count in absent(datasets).items():
        click.echo(f"{name}: {count} items are not here and are compared by checksum alone", err=True)

    def progress(done: int, total: int) -> None:
        click.echo(f"\r{done}/{total}", nl=done == total, err=True)

    found = scan(
        Path(folder), datasets, crops=crops, progress=progress, unreadable=lambda text: click.echo(text, err=True)
    )
    if as_json:
        print_json([{**vars(match), "file": str(match.file)} for match in found])
    else:
        for match in found:
            detail = f", {match.detail}" if match.detail else ""
            click.echo(f"{match.file}: {match.how} as {match.dataset} {match.item} ({match.score:.3f}{detail})")
        if not found:
            click.echo("No picture of these test sets was found.")
    if found:
        raise click.exceptions.Exit(1)


def _methods(names: str, catalogue: Catalogue) -> list[Method]:
    if names:
        return [catalogue.method(name) for name in names.split(",")]
    return [method for _, method in sorted(catalogue.methods.items()) if method.trained_on != ()]


def _datasets(names: str, catalogue: Catalogue, *, scanning: bool) -> list[Dataset]:
    from benchhost.data.folders import named_or_folder

    if names:
        return [named_or_folder(name, catalogue.dataset) for name in names.split(",")]
    tests = [dataset for _, dataset in sorted(catalogue.datasets.items()) if dataset.role == "test"]
    return [d for d in tests if d.kind in ("image", "mri")] if scanning else tests
