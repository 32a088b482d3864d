"""The files of a report that other programs read: tables as LaTeX and CSV, every row as Parquet and CSV."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchhost.report import comma, latex
from benchhost.report.files import write_text, write_with
from benchhost.report.machine import write_parquet
from benchhost.report.results import Results
from benchhost.report.tables import long_tables

MOST_PLAIN = 200_000
"""Rows above which the CSV of every row is compressed."""


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file, what it is, and how large."""

    path: Path
    about: str

    @property
    def size(self) -> str:
        """``1.2 MB``."""
        amount = float(self.path.stat().st_size)
        for unit in ("B", "kB", "MB"):
            if amount < 1000:
                return f"{amount:.0f} {unit}" if unit == "B" or amount >= 100 else f"{amount:.1f} {unit}"
            amount /= 1000
        return f"{amount:.1f} GB"


def downloads(results: Results, original: Results, folder: Path, options: Mapping[str, Any]) -> list[Download]:
    """Write everything below ``folder``.

    results: as the pages show them; original: the rows as they came from the store, which is what is exported;
    options: those of the report, for the reporters that make the files.
    """
    found = [
        Download(path=write_text(folder / f"table-{model.name}.csv", comma.render(model)), about=f"{model.title}, CSV")
        for model in long_tables(results)
    ]
    abouts = {"main": "a document that compiles all of them"}
    found += [
        Download(path=path, about=f"LaTeX: {abouts.get(path.stem, path.stem)}")
        for path in latex.write(results, folder, options)
    ]
    abouts = {"scores": "every row, one per cell and metric", "traces": "convergence records"}
    found += [
        Download(path=path, about=f"Parquet: {abouts.get(path.stem, path.stem)}")
        for path in write_parquet(original, folder)
    ]
    found.append(Download(path=_rows(original, folder), about="CSV: every row, one per cell and metric"))
    return found


def _rows(results: Results, folder: Path) -> Path:
    if len(results.frame) <= MOST_PLAIN:
        return write_with(folder / "scores.csv", lambda path: results.frame.to_csv(path, index=False))
    # pandas writes a million rows in a quarter of a minute, Arrow in two seconds
    import pyarrow as pa
    from pyarrow import csv

    def write(path: Path) -> None:
        with gzip.open(path, "wb", compresslevel=1) as file:
            csv.write_csv(pa.Table.from_pandas(results.frame, preserve_index=False), file)

    return write_with(folder / "scores.csv.gz", write)
