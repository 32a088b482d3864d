"""Datasets: cards that say what and where, fetching that verifies, readers, lineage.  Nothing here imports torch."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchhost.data.cards import load_card
    from benchhost.data.folders import folder_dataset
    from benchhost.data.places import locate
    from benchhost.data.reading import read_item

__all__ = ["folder_dataset", "load_card", "locate", "read_item"]

# The command line imports this package at every start and needs little of it.
_HOME = {
    "folder_dataset": "benchhost.data.folders",
    "load_card": "benchhost.data.cards",
    "locate": "benchhost.data.places",
    "read_item": "benchhost.data.reading",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)
