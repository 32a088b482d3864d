"""``benchhost info NAME``: one thing in full."""

from __future__ import annotations

import dataclasses
from typing import Any

import click

from benchhost import params as P
from benchhost.cli.list import KINDS
from benchhost.cli.options import json_option, print_json, with_catalogue
from benchhost.errors import unknown
from benchhost.plugins import Catalogue
from benchhost.selection import params_class


@click.command()
@click.argument("name")
@json_option
@with_catalogue
def info(name: str, as_json: bool, catalogue: Catalogue) -> None:
    """Show the task, method, dataset, metric, reporter or preset NAME: parameters, levels, needs, source."""
    found = [(kind, getattr(catalogue, kind)[name]) for kind in KINDS if name in getattr(catalogue, kind)]
    if not found:
        raise unknown("task, method, dataset or metric", name, [n for kind in KINDS for n in getattr(catalogue, kind)])
    described = [_describe(catalogue, kind, name, spec) for kind, spec in found]
    if as_json:
        print_json(described[0] if len(described) == 1 else described)
        return
    for facts in described:
        click.secho(f"{facts.pop('kind')} {name}", bold=True)
        parameters = facts.pop("parameters", None)
        for key, value in facts.items():
            if value not in (None, "", [], {}, ()):
                click.echo(f"  {key}: {_text(value)}")
        if parameters:
            click.echo("  parameters:")
            for p in parameters:
                click.echo(f"    {p['name']} = {p['default']}  ({p['type']})  {p['doc']}")


def _describe(catalogue: Catalogue, kind: str, name: str, spec: Any) -> dict[str, Any]:
    owner = catalogue.owner(kind, name)
    facts: dict[str, Any] = {"kind": kind[:-1], "plugin": f"{owner.owner} {owner.version}".strip()}
    for f in dataclasses.fields(spec):
        value = getattr(spec, f.name)
        if f.name in ("name", "id", "params", "api_version") or (kind == "datasets" and f.name == "items"):
            continue
        facts[f.name] = sorted(value) if isinstance(value, frozenset) else value
    if kind == "datasets":
        facts["images"] = [item.name for item in spec.items]
    if kind in ("tasks", "methods"):
        cls = params_class(spec)
        facts["parameters"] = [_parameter(f) for f in dataclasses.fields(cls)]
    return facts


def _parameter(f: dataclasses.Field) -> dict[str, Any]:
    default = "(required)" if f.default is dataclasses.MISSING else P.show(f.default)
    kind = f.type if isinstance(f.type, str) else getattr(f.type, "__name__", str(f.type))
    limits = {k: f.metadata.get(k) for k in ("minimum", "maximum", "choices") if f.metadata.get(k) is not None}
    return {"name": f.name, "type": kind, "default": default, "doc": f.metadata.get("doc", ""), **limits}


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(_text(v) for v in value)
    if isinstance(value, dict):
        return ", ".join(f"{k}={_text(v)}" for k, v in value.items()) or "(default)"
    return str(value)
