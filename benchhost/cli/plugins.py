"""``benchhost plugins``: what is installed, what it offers, what is broken."""

from __future__ import annotations

import click

from benchhost.cli.options import json_option, plugin_option, print_json
from benchhost.plugins import load

KINDS = ("tasks", "methods", "datasets", "metrics", "reporters", "presets", "trainings")


@click.command()
@json_option
@plugin_option
@click.option("--no-plugins", is_flag=True, help="Load no installed plugins, only built-ins and --plugin.")
@click.option("--traceback", "show_traceback", is_flag=True, help="Show where a broken plugin fails.")
def plugins(as_json: bool, plugin_files: tuple[str, ...], no_plugins: bool, show_traceback: bool) -> None:
    """Show the installed plugins, what each offers, and what is wrong with those that are broken (exit code 3)."""
    catalogue = load(plugin_files, installed=not no_plugins)
    rows = []
    for plugin in catalogue.plugins:
        offers = {k: sorted(n for (kind, n), p in catalogue.owners.items() if kind == k and p is plugin) for k in KINDS}
        rows.append(
            {
                "name": plugin.name,
                "module": plugin.module,
                "distribution": plugin.distribution,
                "version": plugin.version,
                "path": plugin.path,
                "offers": {k: v for k, v in offers.items() if v},
                "error": plugin.error,
            }
        )
    if as_json:
        print_json(rows)
    else:
        for row, plugin in zip(rows, catalogue.plugins, strict=True):
            source = row["path"] or f"{row['distribution']} {row['version']}".strip()
            click.secho(f"{row['name']}  ({source})", bold=True)
            for kind, names in row["offers"].items():
                click.echo(f"  {kind}: {', '.join(names)}")
            if row["error"]:
                click.secho(f"  broken: {row['error']}", fg="red")
                if show_traceback:
                    click.echo(plugin.traceback)
    if catalogue.failures:
        raise click.exceptions.Exit(3)
