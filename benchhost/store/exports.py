"""The result frame as a file others can read: Parquet, CSV or JSON, written aside and renamed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from benchhost.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

FORMATS = ("parquet", "csv", "json")


def check_format(path: str | Path) -> str:
    """The format that a file's suffix asks for.  Raises UsageError with those there are."""
    path = Path(path)
    kind = path.suffix.lstrip(".").lower()
    if kind not in FORMATS:
        raise UsageError(f"cannot export to '{path.name}': the ending must be one of .{', .'.join(FORMATS)}")
    return kind


def export(frame: pd.DataFrame, path: str | Path) -> Path:
    """Write ``frame`` in the format of the path's suffix; returns the path."""
    path, kind = Path(path), check_format(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        if kind == "parquet":
            frame.to_parquet(aside, index=False)
        elif kind == "csv":
            frame.to_csv(aside, index=False)
        else:
            frame.to_json(aside, orient="records", lines=False, indent=1, date_format="iso", double_precision=15)
        os.replace(aside, path)
    finally:
        aside.unlink(missing_ok=True)
    return path
