"""``benchhost data``: list, fetch, verify, locate datasets; write the card of a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from benchhost.cli.options import json_option, print_json, with_catalogue
from benchhost.plugins import Catalogue
from benchhost.types import Dataset


@click.group()
def data() -> None:
    """List, fetch, verify and locate datasets."""


@data.command(name="list")
@click.argument("names", nargs=-1)
@json_option
@with_catalogue
def list_(names: tuple[str, ...], as_json: bool, catalogue: Catalogue) -> None:
    """List datasets: how many items there are, how many are here, how large, under which terms."""
    from benchhost.data.inventory import state_of

    rows = [state_of(dataset) for dataset in _chosen(names, catalogue)]
    if as_json:
        print_json(rows)
        return
    from tabulate import tabulate

    shown = [
        [r["name"], r["kind"], r["role"], r["n"], r["where"], _size(r["bytes"]), _short(r["licence"])] for r in rows
    ]
    click.echo(tabulate(shown, headers=["dataset", "kind", "role", "n", "here", "size", "licence"]))


@data.command()
@click.argument("names", nargs=-1, required=True)
@json_option
@with_catalogue
def fetch(names: tuple[str, ...], as_json: bool, catalogue: Catalogue) -> None:
    """Download what is missing of datasets, verified, into the cache.  Files that are here are verified too."""
    from benchhost.data.fetch import fetch as fetch_dataset

    fetched = []
    for dataset in _chosen(names, catalogue):
        count = len({ref.file for ref in dataset.items if ref.file})
        done: list[bool] = []

        def tell(ref: Any, path: Path, new: bool, name: str = dataset.name, n: int = count, seen: list = done) -> None:
            seen.append(new)
            click.echo(f"{name} {len(seen)}/{n} {ref.file}: {'fetched' if new else 'here'}", err=True)

        paths = fetch_dataset(dataset, progress=tell)
        fetched.append({"name": dataset.name, "files": [str(p) for p in paths], "fetched": sum(done)})
    if as_json:
        print_json(fetched)
        return
    for row in fetched:
        click.echo(f"{row['name']}: {len(row['files'])} files, {row['fetched']} fetched, all verified")


@data.command()
@click.argument("names", nargs=-1)
@click.option("--pixels", is_flag=True, help="Also decode every item and compare its pixels where they are pinned.")
@json_option
@with_catalogue
def verify(names: tuple[str, ...], pixels: bool, as_json: bool, catalogue: Catalogue) -> None:
    """Compare files with their pinned checksums; without NAMES, every dataset of which something is here.

    Ends with 1 when a file is wrong, or when a dataset asked for by name is incomplete.
    """
    from benchhost.data.inventory import check

    reports = [check(dataset, pixels=pixels) for dataset in _chosen(names, catalogue)]
    reports = [report for report in reports if names or report["ok"] or report["wrong"]]
    if as_json:
        print_json(reports)
    else:
        for report in reports:
            click.echo(
                f"{report['name']}: {report['ok']} ok, {report['missing']} missing, {len(report['wrong'])} wrong"
            )
            for line in report["wrong"]:
                click.echo(f"  {line}")
    if any(report["wrong"] or (names and (report["missing"] or not report["n"])) for report in reports):
        raise click.exceptions.Exit(1)


@data.command()
@click.argument("name")
@click.argument("item", required=False)
@json_option
@with_catalogue
def path(name: str, item: str | None, as_json: bool, catalogue: Catalogue) -> None:
    """Print where the files of a dataset lie, or the file of one ITEM; nothing is fetched."""
    from benchhost.data.inventory import paths_of

    found = [str(path) for path in paths_of(_chosen((name,), catalogue)[0], item)]
    if as_json:
        print_json(found)
        return
    for line in found:
        click.echo(line)


@data.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--name", default="", help="Name of the dataset (default: the folder's).")
@click.option("--licence", default="", help="Terms of the pictures.")
@click.option("--home", default="", help="Where they come from.")
def card(folder: Path, name: str, licence: str, home: str) -> None:
    """Print a card for a FOLDER of images, to be saved in it as dataset.toml.

    The card pins the files, so that nothing is hashed again at every start, and gives room for terms and lineage.
    """
    from benchhost.data.folders import card_text, folder_dataset

    click.echo(card_text(folder_dataset(folder, name), licence=licence, home=home), nl=False)


def _chosen(names: tuple[str, ...], catalogue: Catalogue) -> list[Dataset]:
    """The datasets of these names (folders too), or all of them."""
    from benchhost.data.folders import named_or_folder

    return [named_or_folder(name, catalogue.dataset) for name in names or sorted(catalogue.datasets)]


def _size(count: int) -> str:
    return "" if not count else f"{count / 1e6:.1f} MB" if count >= 1e6 else f"{count / 1e3:.0f} kB"


def _short(text: str, width: int = 48) -> str:
    return text if len(text) <= width else text[: width - 1].rstrip() + "…"
