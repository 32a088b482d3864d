"""``benchhost check``: hold a plugin to the contracts on small generated problems."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
import tomllib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from benchhost.cli.options import json_option, print_json
from benchhost.errors import UsageError, unknown
from benchhost.plugins import GROUP, Catalogue, PluginInfo, load

MARKS = {"ok": ("ok", "green"), "failed": ("FAILED", "red"), "skipped": ("n/a", "yellow"), "left out": ("-", "yellow")}


@click.command()
@click.argument("targets", nargs=-1, metavar="[FILE|FOLDER|MODULE|PLUGIN]...")
@click.option("--seconds", default=20.0, show_default=True, help="Start no further check after so long.")
@json_option
def check(targets: tuple[str, ...], seconds: float, as_json: bool) -> None:
    """Check plugins against the contracts: files, folders, modules or names; all installed ones if none is given.

    Each task is posed on a small generated image, each method runs on the tasks it suits.  Exit code 3 on a breach.
    """
    installed = {name for plugin in load().plugins for name in (plugin.name, plugin.module)} if targets else set()
    named = [_plugin(target, installed) for target in targets]
    catalogue = load([name for name, loose in named if loose])
    chosen = _chosen(catalogue, [name for name, _ in named])
    from benchhost.testing.check import Outcome, check_plugins

    def show(outcome: Outcome) -> None:
        mark, colour = MARKS[outcome.status]
        reason = f": {outcome.reason}" if outcome.reason else ""
        click.echo(click.style(f"{mark:>6}", fg=colour) + f"  {outcome.subject} ({outcome.seconds:.1f} s){reason}")

    outcomes = check_plugins(catalogue, chosen, until=time.monotonic() + seconds, tell=None if as_json else show)
    counts = {status: sum(o.status == status for o in outcomes) for status in MARKS}
    if as_json:
        print_json({"counts": counts, "outcomes": [asdict(outcome) for outcome in outcomes]})
    else:
        click.echo(", ".join(f"{number} {status}" for status, number in counts.items() if number) or "nothing to check")
    if counts["failed"]:
        raise click.exceptions.Exit(3)


def _plugin(target: str, installed: set[str]) -> tuple[str, bool]:
    """How the catalogue will call a target, and whether it must be loaded beside the installed plugins."""
    if target.endswith(".py"):
        return os.path.realpath(target), True
    if os.path.isdir(target):
        target = _package(Path(target))
    if target in installed:
        return target, False
    try:
        return target, importlib.util.find_spec(target) is not None
    except (ImportError, ValueError):
        return target, False


def _package(folder: Path) -> str:
    """The plugin module that a folder's pyproject.toml declares, made importable from there."""
    path = folder / "pyproject.toml"
    if not path.is_file():
        raise UsageError(f"{folder} has no pyproject.toml: give a plugin's folder, its file, its module or its name")
    declared = tomllib.loads(path.read_text()).get("project", {}).get("entry-points", {}).get(GROUP, {})
    if not declared:
        raise UsageError(f"{path} declares no entry point of the group '{GROUP}'")
    sys.path.insert(0, str(folder.resolve()))
    return next(iter(declared.values()))


def _chosen(catalogue: Catalogue, targets: Sequence[str]) -> list[PluginInfo]:
    chosen = []
    for target in targets:
        found = [p for p in catalogue.plugins if target in (p.name, p.module, p.path)]
        if not found:
            raise unknown("plugin", target, {p.name for p in catalogue.plugins})
        chosen += found
    return chosen or catalogue.plugins
