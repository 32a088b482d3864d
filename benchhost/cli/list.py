"""``benchhost list``: what there is."""

from __future__ import annotations

from typing import Any

import click

from benchhost.cli.options import json_option, print_json, with_catalogue
from benchhost.plugins import Catalogue

KINDS = ("tasks", "methods", "datasets", "metrics", "reporters", "presets", "trainings")


@click.command(name="list")
@click.argument("kind", required=False, type=click.Choice(KINDS))
@json_option
@with_catalogue
def list_(kind: str | None, as_json: bool, catalogue: Catalogue) -> None:
    """List tasks, methods, datasets, metrics, reporters, presets or trainings (all of them without KIND)."""
    kinds = [kind] if kind else [k for k in KINDS if getattr(catalogue, k)]
    rows = {k: [_row(catalogue, k, name, spec) for name, spec in sorted(getattr(catalogue, k).items())] for k in kinds}
    if as_json:
        print_json(rows[kind] if kind else rows)
        return
    for k, table in rows.items():
        click.secho(k, bold=True)
        width = max((len(row["name"]) for row in table), default=0)
        for row in table:
            click.echo(f"  {row['name']:<{width}}  {row['summary']}")
    for (k, name), rivals in catalogue.clashes.items():
        click.echo(f"{k[:-1]} '{name}' is offered by several plugins: {', '.join(r.owner for r in rivals)}", err=True)


def _row(catalogue: Catalogue, kind: str, name: str, spec: Any) -> dict[str, Any]:
    row = {"name": name, "summary": _summary(kind, spec), "plugin": catalogue.owner(kind, name).owner}
    if kind == "tasks":
        row |= {
            "levels": [dict(level) for level in spec.levels],
            "metrics": list(spec.metrics),
            "datasets": list(spec.datasets),
        }
    if kind == "methods":
        row |= {"requires": sorted(spec.requires), "training": spec.training, "role": spec.role}
    if kind == "metrics":
        row |= {"protocol": spec.protocol, "higher_is_better": spec.higher_is_better, "unit": spec.unit}
    return row


def _summary(kind: str, spec: Any) -> str:
    if kind == "datasets":
        return f"{spec.title} ({spec.kind}, {spec.role})"
    return spec.summary
