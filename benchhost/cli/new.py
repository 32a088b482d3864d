"""``benchhost new``: write a plugin package that passes ``benchhost check``, to be filled with a method or task."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import click

from benchhost.errors import UsageError

NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
# what is written, and the template it is made from; {kind} is method or task
FILES = {
    "pyproject.toml": "pyproject.toml.txt",
    "README.md": "README.md.txt",
    "{module}/__init__.py": "init.py.txt",
    "{module}/plugin.py": "{kind}_plugin.py.txt",
    "{module}/params.py": "{kind}_params.py.txt",
    "{module}/{kind}.py": "{kind}.py.txt",
    "tests/test_{kind}.py": "{kind}_test.py.txt",
}


@click.group()
def new() -> None:
    """Write a template for a method or task plugin."""


@new.command()
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Parent folder.")
def method(name: str, into: Path) -> None:
    """Write a package with a method NAME."""
    _write("method", name, into)


@new.command()
@click.argument("name")
@click.option("--into", type=click.Path(file_okay=False, path_type=Path), default=Path(), help="Parent folder.")
def task(name: str, into: Path) -> None:
    """Write a package with a task NAME."""
    _write("task", name, into)


def _write(kind: str, name: str, into: Path) -> None:
    folder = write_plugin(kind, name, into)
    click.echo(f"wrote {folder}")
    click.echo(f"  benchhost check {folder}   holds it to the contracts")
    click.echo(f"  pip install -e {folder}    makes it known to benchhost")


def write_plugin(kind: str, name: str, into: Path) -> Path:
    """Write the package below ``into`` and return its folder.

    kind: "method" or "task".
    Raises UsageError for a name that cannot be one, a name that is taken, and a folder that is there already.
    """
    from benchhost.plugins import load

    if not NAME.fullmatch(name):
        raise UsageError(
            f"'{name}' cannot name a {kind}: use lower-case letters, digits and single hyphens, letter first"
        )
    catalogue = load()
    if name in getattr(catalogue, f"{kind}s"):
        owner = catalogue.owner(f"{kind}s", name)
        raise UsageError(f"there is a {kind} '{name}' already, from plugin '{owner.name}': choose another name")
    module = f"benchhost_{name.replace('-', '_')}"
    folder = into / f"benchhost-{name}"
    if folder.exists():
        raise UsageError(f"{folder} exists already: nothing was written")
    words = {"kind": kind, "name": name, "module": module, "Class": "".join(w.capitalize() for w in name.split("-"))}
    for path, template in FILES.items():
        target = folder / path.format(**words)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(fill(template.format(**words), words), encoding="utf-8")
    return folder


def fill(template: str, words: dict[str, str]) -> str:
    """The text of a template with every ``<word>`` replaced; other angle brackets stay."""
    text = (files("benchhost.cli") / "templates" / template).read_text(encoding="utf-8")
    for word, value in words.items():
        text = text.replace(f"<{word}>", value)
    return text
