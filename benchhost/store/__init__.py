"""The result store: what ran, what came out, and everything needed to say so in a table."""

from typing import Any

__all__ = ["Store", "capture", "export", "read_estimate", "write_estimate"]

_HOMES = {
    "Store": "store",
    "capture": "environment",
    "export": "exports",
    "read_estimate": "artifacts",
    "write_estimate": "artifacts",
}


def __getattr__(name: str) -> Any:
    """Import on first use: the command line lists and plans without SQLAlchemy and pandas."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
