"""Options that several commands share, and the loading of plugins they ask for."""

from __future__ import annotations

import functools
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click

from benchhost.plugins import Catalogue, load

plugin_option = click.option(
    "--plugin", "plugin_files", multiple=True, metavar="FILE", help="A Python file (or module) to load as a plugin."
)
json_option = click.option("--json", "as_json", is_flag=True, help="Print JSON on standard output.")
results_option = click.option("--results", default=None, metavar="DIR", help="Folder of results (default: results/).")


def with_catalogue(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add --plugin, --no-plugins and --strict-plugins, and pass the loaded ``catalogue`` to the command."""

    @plugin_option
    @click.option("--no-plugins", is_flag=True, help="Load no installed plugins, only built-ins and --plugin.")
    @click.option("--strict-plugins", is_flag=True, help="Fail when an installed plugin is broken.")
    @functools.wraps(command)
    def wrapped(*args: Any, plugin_files: Sequence[str], no_plugins: bool, strict_plugins: bool, **kwargs: Any) -> Any:
        catalogue = open_catalogue(plugin_files, installed=not no_plugins, strict=strict_plugins)
        return command(*args, catalogue=catalogue, **kwargs)

    return wrapped


def open_catalogue(plugin_files: Sequence[str], *, installed: bool = True, strict: bool = False) -> Catalogue:
    """Load the plugins; broken ones are named on standard error and left out."""
    catalogue = load(plugin_files, installed=installed, strict=strict)
    for failure in catalogue.failures:
        click.echo(f"warning: plugin '{failure.name}' is broken and left out: {failure.error}", err=True)
    return catalogue


def print_json(data: Any) -> None:
    """One JSON document on standard output; never NaN."""
    click.echo(json.dumps(data, indent=2, allow_nan=False, default=str))


def results_folder(value: str | None) -> Path:
    """Where results lie: the option, or ``results/`` in the current folder."""
    return Path(value or "results")


def report_options(catalogue: Catalogue) -> dict[str, Any]:
    """What every reporter is given: the catalogue, and the citations of its methods and data sets."""
    from benchhost.report.bibliography import citations

    return {"catalogue": catalogue, "citations": citations(catalogue.methods.values(), catalogue.datasets.values())}
