"""Typed parameters of tasks and methods: declared once as a frozen dataclass, read from text, TOML or Python."""

import dataclasses
import math
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field
from typing import Any, Literal, TypeVar

from benchhost.errors import UsageError, unknown

P = TypeVar("P")


@dataclass(frozen=True)
class NoParams:
    """For tasks and methods without parameters."""


def param(
    default: Any = MISSING,
    *,
    doc: str,
    minimum: float | None = None,
    maximum: float | None = None,
    choices: tuple[Any, ...] | None = None,
) -> Any:
    """Declare one parameter in a frozen dataclass.

    Annotate it with ``int``, ``float``, ``bool``, ``str``, ``Literal[...]``, any of these ``| None``,
    or ``tuple[T, ...]``.  ``doc`` is what ``benchhost info`` shows; bounds are inclusive::

        @dataclass(frozen=True)
        class TvParams:
            weight: float | None = param(None, doc="TV weight; None: chosen per task", minimum=0.0)
    """
    limits = {"doc": doc, "minimum": minimum, "maximum": maximum, "choices": choices}
    return field(default=default, metadata=limits)


def build(cls: type[P], values: Mapping[str, Any], *, owner: str) -> P:
    """Make ``cls`` from typed or textual values; one clear error names the parameter and the nearest valid choice.

    Strings are parsed by the field's annotation; other values are checked against it.
    ``owner`` names the thing in errors, as in ``task 'cs'``.
    """
    fields = {f.name: f for f in dataclasses.fields(cls)}
    hints = typing.get_type_hints(cls)
    made = {}
    for name, value in values.items():
        if name not in fields:
            raise unknown("parameter", name, fields, where=owner)
        made[name] = _checked(fields[name], hints[name], value, owner)
    missing = [n for n, f in fields.items() if f.default is MISSING and f.default_factory is MISSING and n not in made]
    if missing:
        raise UsageError(f"{owner} needs a value for {', '.join(missing)}")
    try:
        return cls(**made)
    except ValueError as error:  # a dataclass's own __post_init__ may refuse a combination
        raise UsageError(f"{owner}: {error}") from error


def parse_one(cls: type, name: str, value: Any, *, owner: str) -> Any:
    """Parse and check a single parameter of ``cls``."""
    fields = {f.name: f for f in dataclasses.fields(cls)}
    if name not in fields:
        raise unknown("parameter", name, fields, where=owner)
    return _checked(fields[name], typing.get_type_hints(cls)[name], value, owner)


def fits(cls: type, name: str, text: str) -> bool:
    """Whether ``text`` is a legal value of parameter ``name`` of ``cls`` (used to read comma lists)."""
    try:
        parse_one(cls, name, text, owner="")
    except UsageError:
        return False
    return True


def as_dict(params: Any) -> dict[str, Any]:
    """All parameters by name, JSON-ready: tuples become lists."""
    return {f.name: _plain(getattr(params, f.name)) for f in dataclasses.fields(params)}


def content(params: Any) -> dict[str, Any]:
    """What goes into a content key: the values, or what ``params.key()`` says (a file's digest instead of its path)."""
    custom = getattr(params, "key", None)
    return dict(custom()) if callable(custom) else as_dict(params)


def changed(params: Any) -> dict[str, Any]:
    """The parameters that differ from their defaults, by name."""
    values = as_dict(params)
    defaults = {f.name: _plain(f.default) for f in dataclasses.fields(params) if f.default is not MISSING}
    return {k: v for k, v in values.items() if k not in defaults or defaults[k] != v}


def show(value: Any) -> str:
    """A value as it is written on the command line; ``0.10`` and ``0.1`` print alike."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list | tuple):
        return "+".join(show(v) for v in value)
    if isinstance(value, float):
        return repr(int(value)) if value.is_integer() and abs(value) < 1e15 else repr(value)
    return str(value).lower() if value is None else str(value)


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, tuple | list) else value


def _checked(spec: dataclasses.Field, hint: Any, value: Any, owner: str) -> Any:
    where = f"{owner}: {spec.name}"
    result = _coerce(hint, value, where)
    limits = spec.metadata
    for one in result if isinstance(result, tuple) else (result,):
        if one is None:
            continue
        choices = limits.get("choices")
        if choices and one not in choices:
            raise UsageError(f"{where} must be one of {', '.join(map(show, choices))}, got {show(one)}")
        low, high = limits.get("minimum"), limits.get("maximum")
        if (low is not None and one < low) or (high is not None and one > high):
            span = f"{'-inf' if low is None else show(low)} to {'inf' if high is None else show(high)}"
            raise UsageError(f"{where} must lie in {span}, got {show(one)}")
    return result


def _coerce(hint: Any, value: Any, where: str) -> Any:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return _coerce_union(args, value, where)
    if origin is Literal:
        for choice in args:
            if value == choice or (isinstance(value, str) and value == show(choice)):
                return choice
        raise UsageError(f"{where} must be one of {', '.join(map(show, args))}, got {show(value)}")
    if origin is tuple:
        parts = value.split("+") if isinstance(value, str) else value
        if not isinstance(parts, list | tuple):
            parts = (parts,)
        return tuple(_coerce(args[0], v, where) for v in parts)
    return _coerce_scalar(hint, value, where)


def _coerce_union(args: tuple[Any, ...], value: Any, where: str) -> Any:
    if type(None) in args and (value is None or (isinstance(value, str) and value.lower() in ("none", "null"))):
        return None
    errors = []
    for arg in args:
        if arg is type(None):
            continue
        try:
            return _coerce(arg, value, where)
        except UsageError as error:
            errors.append(error)
    raise errors[0]


def _coerce_scalar(hint: type, value: Any, where: str) -> Any:
    wrong = UsageError(f"{where} must be {_TYPE_WORDS.get(hint, hint)}, got {value!r}")
    if hint is bool:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in _BOOLS:
            return _BOOLS[value.lower()]
        raise wrong
    if hint is str:
        if isinstance(value, str):
            return value
        raise wrong
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise wrong
    try:
        number = float(value)
    except ValueError:
        raise wrong from None
    if not math.isfinite(number) or (hint is int and not number.is_integer()):
        raise wrong
    return int(number) if hint is int else number


_BOOLS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_TYPE_WORDS = {int: "a whole number", float: "a number", bool: "true or false", str: "text"}
