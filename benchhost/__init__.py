"""A plugin-based benchmark harness for imaging inverse problems: "pytest for reconstruction methods".

The names a plugin may import, and ``evaluate``, ``run`` and ``load`` for use from Python.  Everything is imported on
first use, so that ``import benchhost`` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchhost.api import evaluate, load, run
    from benchhost.errors import BenchhostError
    from benchhost.hookspecs import hookimpl
    from benchhost.params import param
    from benchhost.types import (
        Dataset,
        Item,
        Method,
        Metric,
        Posed,
        Preset,
        Problem,
        Reporter,
        Task,
        Training,
        View,
        Weights,
    )

_HOME = {
    "benchhost.api": ("evaluate", "load", "run"),
    "benchhost.errors": ("BenchhostError",),
    "benchhost.hookspecs": ("hookimpl",),
    "benchhost.params": ("param",),
    "benchhost.types": (
        "Dataset",
        "Item",
        "Method",
        "Metric",
        "Posed",
        "Preset",
        "Problem",
        "Reporter",
        "Task",
        "Training",
        "View",
        "Weights",
    ),
}
_WHERE = {name: module for module, names in _HOME.items() for name in names}
__all__ = [
    "BenchhostError",
    "Dataset",
    "Item",
    "Method",
    "Metric",
    "Posed",
    "Preset",
    "Problem",
    "Reporter",
    "Task",
    "Training",
    "View",
    "Weights",
    "evaluate",
    "hookimpl",
    "load",
    "param",
    "run",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("benchhost")
    if name not in _WHERE:
        raise AttributeError(f"module 'benchhost' has no attribute {name!r}")
    value = getattr(importlib.import_module(_WHERE[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_WHERE])
