"""What the user asked for: the grammar of ``--tasks`` and ``--methods``, and the same said in TOML or Python.

``cs`` the task at its default level · ``cs:all`` every standard level · ``cs:ratio=0.1,0.25`` a grid ·
``cs:ratio=0.1,operator=block,denoise:sigma=25`` two tasks · ``dip:preset=fast,iterations=500,2000`` ·
``all`` every task or method that is installed, ``all:all`` every task at every standard level.
"""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from benchhost import params as P
from benchhost.errors import UsageError, unknown
from benchhost.plugins import Catalogue, resolve_for
from benchhost.types import Method, Task

ALL = "all"
_HEAD = re.compile(r"^(?P<name>[A-Za-z0-9][\w.+/-]*)(?::(?P<rest>.*))?$", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One item of a selection before expansion: a name and lists of values that span a grid."""

    name: str
    values: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    all_levels: bool = False
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """One point of the grid: the spec, its params instance, and how it is written in tables."""

    name: str
    spec: Task | Method
    params: Any
    values: dict[str, Any]
    label: str


def parse(
    texts: str | Iterable[str],
    *,
    kind: str,
    fits: Callable[[str, str, str], bool],
    words: Callable[[str], Iterable[str]] = lambda name: (),
) -> list[Ask]:
    """Read the command line's form.

    kind: "task" or "method", for errors.
    fits: ``(item name, parameter, text) -> bool``: whether ``text`` is a legal value, which decides whether a bare
        word after a comma is another value or the next item.
    words: item name -> what may follow its colon, for errors.
    """
    asks: list[Ask] = []
    for text in [texts] if isinstance(texts, str) else texts:
        name, values, all_levels, last = "", {}, False, ""
        tokens = [token.strip() for token in text.split(",")]
        for token in filter(None, tokens):
            key, equals, value = token.partition("=")
            head = _HEAD.match(token)
            starts_item = head and (not equals or ":" in key)
            if name and not starts_item and equals:
                last = key.strip()
                values.setdefault(last, []).append(value.strip())
            elif name and last and not equals and ":" not in token and fits(name, last, token):
                values[last].append(token)
            elif starts_item:
                if name:
                    asks.append(Ask(name=name, values=values, all_levels=all_levels))
                name, values, all_levels, last = head["name"], {}, False, ""
                rest = head["rest"]
                if rest == ALL and kind == "task":
                    all_levels = True
                elif rest:
                    key, equals, value = rest.partition("=")
                    if not equals:
                        form = f"{kind} '{name}' (write '{name}:PARAMETER=VALUE'"
                        form += f" or '{name}:all')" if kind == "task" else ")"
                        raise unknown("level" if kind == "task" else "setting", rest, words(name), where=form)
                    last = key.strip()
                    values[last] = [value.strip()]
            else:
                raise UsageError(f"cannot read '{token}' in {kind} selection '{text}'")
        if not name:
            raise UsageError(f"empty {kind} selection")
        asks.append(Ask(name=name, values=values, all_levels=all_levels))
    return asks


def parse_tasks(texts: str | Iterable[str], catalogue: Catalogue) -> list[Ask]:
    """``--tasks`` as asks."""

    def words(name: str) -> list[str]:
        task = catalogue.task(name)
        return [",".join(f"{key}={P.show(value)}" for key, value in level.items()) for level in task.levels]

    return parse(texts, kind="task", fits=_fitter(catalogue.tasks), words=words)


def parse_methods(texts: str | Iterable[str], catalogue: Catalogue) -> list[Ask]:
    """``--methods`` as asks."""

    def words(name: str) -> list[str]:
        method = catalogue.method(name)
        known = [f.name for f in dataclasses.fields(params_class(method))]
        return [*(f"preset={preset}" for preset in method.presets), *known]

    return parse(texts, kind="method", fits=_fitter(catalogue.methods), words=words)


def expand_tasks(asks: Iterable[Ask], catalogue: Catalogue) -> list[Chosen]:
    """Every (task, parameters) that the asks span, in the order asked."""
    chosen = []
    for ask in _named(asks, catalogue.tasks, "task"):
        task = catalogue.task(ask.name)
        cls = params_class(task)
        levels = task.levels if ask.all_levels else task.levels[task.default_level : task.default_level + 1]
        for level in levels or ({},):
            for point in _grid(ask.values, cls, f"task '{ask.name}'"):
                params = P.build(cls, {**level, **point}, owner=f"task '{ask.name}'")
                label = ask.label or level_label(task, params)
                chosen.append(Chosen(name=ask.name, spec=task, params=params, values=P.as_dict(params), label=label))
    return chosen


def expand_methods(asks: Iterable[Ask], catalogue: Catalogue, *, device: str) -> list[Chosen]:
    """Every (method, parameters) that the asks span; presets are applied first, explicit values win."""
    chosen = []
    for ask in _named(asks, catalogue.methods, "method"):
        method = catalogue.method(ask.name)
        cls = params_class(method)
        owner = f"method '{ask.name}'"
        presets = ask.values.get("preset", [method.default_preset.get(device)]) if method.presets else [None]
        values = {k: v for k, v in ask.values.items() if not (k == "preset" and method.presets)}
        for preset in presets:
            if preset is not None and preset not in method.presets:
                raise unknown("preset", preset, method.presets, where=owner)
            base = method.presets[preset] if preset is not None else {}
            for point in _grid(values, cls, owner):
                params = P.build(cls, {**base, **point}, owner=owner)
                said = {**({"preset": preset} if "preset" in ask.values and preset else {}), **point}
                label = ask.label or _label(ask.name, said)
                chosen.append(Chosen(name=ask.name, spec=method, params=params, values=P.as_dict(params), label=label))
    return chosen


def _named(asks: Iterable[Ask], table: Mapping[str, Any], kind: str) -> Iterator[Ask]:
    """The asks, with ``all`` replaced by every name in the table."""
    for ask in asks:
        if ask.name != ALL or ALL in table:
            yield ask
        elif ask.values or ask.label:
            given = ", ".join(ask.values) or "label"
            raise UsageError(f"'all' takes no settings of a single {kind}: {given} (name the {kind}s they are for)")
        else:
            yield from (Ask(name=name, all_levels=ask.all_levels) for name in table)


def params_class(spec: Task | Method) -> type:
    """The params dataclass of a task or method."""
    return resolve_for(spec, "params")


def level_label(task: Task, params: Any) -> str:
    """How a level reads in tables: the parameters its standard levels name, then whatever else was changed."""
    values = P.as_dict(params)
    shown = [key for key in values if any(key in level for level in task.levels)]
    default = dict(task.levels[task.default_level]) if task.levels else {}
    base = P.as_dict(P.build(type(params), default, owner=f"task '{task.name}'"))
    shown += [key for key in values if key not in shown and values[key] != base[key]]
    return ",".join(f"{key}={P.show(values[key])}" for key in shown) or "default"


def _label(name: str, said: Mapping[str, Any]) -> str:
    if not said:
        return name
    return f"{name}:" + ",".join(f"{key}={P.show(value)}" for key, value in said.items())


def _grid(values: Mapping[str, Sequence[Any]], cls: type, owner: str) -> Iterator[dict[str, Any]]:
    for key, given in values.items():
        if not isinstance(given, list | tuple):
            raise UsageError(f"{owner}: {key} must be a list of values to try, got {given!r}")
    for point in itertools.product(*values.values()):
        yield {key: _typed(cls, key, value, owner) for key, value in zip(values, point, strict=True)}


def _typed(cls: type, key: str, value: Any, owner: str) -> Any:
    """Parse one value early, so that the labels of ``0.10`` and ``0.1`` agree."""
    return P.parse_one(cls, key, value, owner=owner)


def _fitter(table: Mapping[str, Any]) -> Callable[[str, str, str], bool]:
    def fits(name: str, key: str, text: str) -> bool:
        spec = table.get(name)
        if spec is None:
            return text not in table
        if key == "preset" and getattr(spec, "presets", None):
            return text in spec.presets
        legal = P.fits(params_class(spec), key, text)
        if legal and text in table:
            raise UsageError(
                f"'{text}' may be a value of {name}:{key} or the next item; give the next item its own option"
            )
        return legal or (text not in table and not re.match(r"[A-Za-z]", text))

    return fits
