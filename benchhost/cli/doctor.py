"""``benchhost doctor``: is this machine, store and installation fit to run?"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import click

from benchhost.cli.options import json_option, print_json, results_folder, results_option
from benchhost.errors import BenchhostError

PACKAGES = ("torch", "numpy", "scipy", "pandas", "scikit-image", "matplotlib", "SQLAlchemy", "pluggy")
Check = tuple[str, str, str]  # name, "ok" | "warning" | "error", detail


@click.command()
@results_option
@json_option
def doctor(results: str | None, as_json: bool) -> None:
    """Check packages, plugins, threads, disk, data and the result store; exit code 1 when something is wrong."""
    checks = [
        check for part in (_packages, _plugins, _machine, _data, _store(results_folder(results))) for check in part()
    ]
    if as_json:
        print_json([{"check": name, "state": state, "detail": detail} for name, state, detail in checks])
    else:
        colours = {"ok": "green", "warning": "yellow", "error": "red"}
        for name, state, detail in checks:
            click.echo(f"{click.style(f'{state:<8}', fg=colours[state])}{name}: {detail}")
    if any(state == "error" for _, state, _ in checks):
        raise click.exceptions.Exit(1)


def _packages() -> Iterator[Check]:
    yield "python", "ok", sys.version.split()[0]
    for name in PACKAGES:
        try:
            yield name, "ok", version(name)
        except PackageNotFoundError:
            yield name, "error", "not installed"


def _plugins() -> Iterator[Check]:
    from benchhost.plugins import load

    try:
        catalogue = load()
    except BenchhostError as error:
        yield "plugins", "error", str(error)
        return
    for plugin in catalogue.plugins:
        state, detail = ("error", plugin.error) if plugin.error else ("ok", plugin.owner)
        yield f"plugin {plugin.name}", state, detail
    for (kind, name), rivals in catalogue.clashes.items():
        yield f"{kind[:-1]} {name}", "warning", "offered by " + ", ".join(rival.owner for rival in rivals)


def _machine() -> Iterator[Check]:
    from benchhost.plan import resolve_device

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    busy = load > cores
    yield (
        "cores",
        "warning" if busy else "ok",
        f"{cores}, load {load:.1f}" + (": timings will not be valid" if busy else ""),
    )
    yield "device", "ok", resolve_device("auto")
    free = shutil.disk_usage(".").free / 1e9
    yield "disk", "ok" if free > 1 else "error", f"{free:.1f} GB free here"


def _data() -> Iterator[Check]:
    folder = os.environ.get("BENCHHOST_DATA")
    if not folder:
        yield "data", "ok", "BENCHHOST_DATA is not set: embedded sets, the cache and downloads are used"
    elif not Path(folder).is_dir():
        yield "data", "error", f"BENCHHOST_DATA={folder} is not a folder"
    else:
        yield "data", "ok", f"BENCHHOST_DATA={folder}"


def _store(folder: Path) -> Callable[[], Iterator[Check]]:
    def check() -> Iterator[Check]:
        if not (folder / "benchhost.sqlite").exists():
            yield "store", "ok", f"none in '{folder}' yet"
            return
        from benchhost.store import Store

        try:
            with Store.open(folder) as store:
                yield "store", "ok", f"{folder}: {len(store.runs())} runs"
        except BenchhostError as error:
            yield "store", "error", str(error)

    return check
