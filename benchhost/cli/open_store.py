"""Open the store of a results folder for reading commands, with a clear error where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from benchhost.errors import UsageError

if TYPE_CHECKING:
    from benchhost.store import Store


def open_store(folder: Path, url: str | None = None) -> Store:
    """The store at ``url``, or that of ``folder``, which must exist."""
    from benchhost.store import Store

    if url is None and not (folder / "benchhost.sqlite").exists():
        raise UsageError(f"no results in '{folder}' (no benchhost.sqlite there); give the folder with --results")
    return Store.open(url or folder)
