"""The configuration of a run: one record, read from TOML, overridden by the command line, or made in Python."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchhost.errors import UsageError, unknown
from benchhost.selection import Ask


@dataclass(frozen=True, kw_only=True)
class RunConfig:
    """What to run and how.

    datasets: names, or paths of folders with images or a card; empty means each task's own default.
    metrics: extra metric ids beyond those of each task's protocol.
    limit: images per dataset, from the first; None for all.
    repeats: measurements per image, each with its own noise.
    timeout: seconds of wall clock per image; memory_gb: resident memory of a cell's process tree.
    grace: seconds that cells in flight are given to finish when the run is told to end (SIGTERM).
    """

    tasks: tuple[Ask, ...] = ()
    methods: tuple[Ask, ...] = ()
    datasets: tuple[str, ...] = ()
    metrics: tuple[str, ...] = ()
    limit: int | None = None
    seed: int = 0
    repeats: int = 1
    workers: int | None = None
    threads: int | None = None
    device: str = "auto"
    timeout: float | None = None
    grace: float = 25.0
    memory_gb: float | None = None
    isolation: bool = True
    save: str = "all"
    exclusive_timing: bool = False
    results: str = "results"
    store: str = ""
    fresh: bool = False
    keep_going: bool = False
    plugins: tuple[str, ...] = field(default_factory=tuple)


# TOML: [run] holds the scalars, [[tasks]] and [[methods]] have "use" and parameters (a list spans a grid).
_TOP = {"run", "tasks", "methods", "datasets", "metrics", "plugins"}
_SCALARS = {
    f.name: f
    for f in dataclasses.fields(RunConfig)
    if f.name not in {"tasks", "methods", "datasets", "metrics", "plugins"}
}
_ITEM_WORDS = {"use", "levels", "label"}


def read_toml(path: Path) -> dict[str, Any]:
    """Read a run file into the fields of :class:`RunConfig` that it sets.

    Example::

        datasets = ["set11"]
        [run]
        seed = 0
        [[tasks]]
        use = "cs"
        ratio = [0.1, 0.25]
        [[methods]]
        use = "dip"
        preset = "fast"

    Raises UsageError for unreadable TOML and for unknown keys, with the nearest one.
    """
    if not path.is_file():
        raise UsageError(f"no run file '{path}'")
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: not valid TOML: {error}") from error
    return from_mapping(data, where=str(path), folder=path.parent)


def from_mapping(data: Mapping[str, Any], *, where: str, folder: Path) -> dict[str, Any]:
    """The same from a parsed mapping; ``folder`` anchors relative plugin paths."""
    fields: dict[str, Any] = {}
    for key, value in data.items():
        if key not in _TOP:
            raise unknown("key", key, _TOP, where=where)
        if key == "run":
            fields |= _scalars(value, where)
        elif key in ("tasks", "methods"):
            fields[key] = tuple(_ask(item, f"{where}: {key}") for item in _items(value, f"{where}: {key}"))
        else:
            names = _strings(value, f"{where}: {key}")
            if key == "plugins":
                names = tuple(str(folder / n) if n.endswith(".py") else n for n in names)
            fields[key] = names
    return fields


def _scalars(table: Any, where: str) -> dict[str, Any]:
    if not isinstance(table, Mapping):
        raise UsageError(f"{where}: 'run' must be a table")
    out = {}
    for key, value in table.items():
        if key not in _SCALARS:
            raise unknown("key", key, _SCALARS, where=f"{where}: [run]")
        out[key] = _scalar(key, value, f"{where}: [run] {key}")
    return out


def _scalar(key: str, value: Any, where: str) -> Any:
    kind = str(_SCALARS[key].type)
    if kind.startswith("bool"):
        good = isinstance(value, bool)
    elif kind.startswith("int"):
        good = isinstance(value, int) and not isinstance(value, bool)
    elif kind.startswith("float"):
        good = isinstance(value, int | float) and not isinstance(value, bool)
    else:
        good = isinstance(value, str)
    if not good:
        raise UsageError(f"{where} must be {kind.partition(' ')[0]}, got {value!r}")
    return value


def _items(value: Any, where: str) -> Sequence[Any]:
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise UsageError(f"{where} must be a list of tables or names")
    return value


def _ask(item: Any, where: str) -> Ask:
    if isinstance(item, str):
        return Ask(name=item)
    if not isinstance(item, Mapping) or not isinstance(item.get("use"), str):
        raise UsageError(f'{where}: each entry needs use = "NAME"')
    values = {k: list(v) if isinstance(v, list) else [v] for k, v in item.items() if k not in _ITEM_WORDS}
    levels = item.get("levels")
    if levels not in (None, "all"):
        raise UsageError(f'{where}: levels must be "all", got {levels!r}')
    return Ask(name=item["use"], values=values, all_levels=levels == "all", label=item.get("label", ""))


def _strings(value: Any, where: str) -> tuple[str, ...]:
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) for v in values):
        raise UsageError(f"{where} must be a list of names")
    return tuple(values)
