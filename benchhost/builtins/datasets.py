"""The host's own datasets, and cards of the user's: ``datasets/NAME/dataset.toml`` here and below $BENCHHOST_DATA."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from benchhost.data.cards import builtin_cards, load_card
from benchhost.data.places import data_folder
from benchhost.errors import UsageError
from benchhost.hookspecs import hookimpl
from benchhost.types import Dataset

log = logging.getLogger("benchhost")


@hookimpl
def benchhost_datasets() -> Iterator[Dataset]:
    """Every built-in card, then the user's; a broken or clashing card of the user's is named and left out."""
    names = set()
    for dataset in builtin_cards():
        names.add(dataset.name)
        yield dataset
    for path in _user_cards():
        try:
            dataset = load_card(path)
        except UsageError as error:
            log.warning("left out: %s", error)
            continue
        if dataset.name in names:
            log.warning("left out: dataset card %s: the name '%s' is taken; choose another one", path, dataset.name)
            continue
        names.add(dataset.name)
        yield dataset


def _user_cards() -> list[Path]:
    folders = [Path("datasets"), *([root] if (root := data_folder()) else [])]
    found = {path.resolve(): path for folder in folders for path in sorted(folder.glob("*/dataset.toml"))}
    return list(found.values())
