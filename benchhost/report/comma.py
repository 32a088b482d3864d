"""Tables as CSV for spreadsheets, numbers unrounded; and the whole result frame."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchhost.report.files import write_text, write_with
from benchhost.report.model import Cell, TableModel
from benchhost.report.results import Results
from benchhost.report.tables import long_tables


def render(model: TableModel) -> str:
    """One line per row.  A score column becomes two, value and sd; a hole is written as its word (``OOM``)."""
    spread = [any(row.cells[n].spread_value is not None for row in model.rows) for n in range(len(model.columns))]
    headers = [" ".join(part for part in parts if part) for parts in zip(*model.header_rows, strict=True)]
    out = io.StringIO()
    write = csv.writer(out, lineterminator="\n").writerow
    write([part for n, text in enumerate(headers) for part in ([text, f"{text} sd"] if spread[n] else [text])])
    filled = [""] * len(model.columns)
    for row in model.rows:
        filled = [
            cell.text or filled[n] if model.columns[n].align == "left" else _value(cell)
            for n, cell in enumerate(row.cells)
        ]
        write([part for n, cell in enumerate(row.cells) for part in _parts(filled[n], cell, with_sd=spread[n])])
    return out.getvalue()


def write(results: Results, folder: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Write ``table-TASK.csv`` per task, and ``scores.csv``: every cell and metric."""
    folder = Path(folder)
    written = [write_text(folder / f"table-{model.name}.csv", render(model)) for model in long_tables(results)]
    return [*written, write_with(folder / "scores.csv", lambda path: results.frame.to_csv(path, index=False))]


def _value(cell: Cell) -> str:
    """A count keeps its text (``67/68``), a number all its digits, a hole its word."""
    if cell.value is None or "/" in cell.text:
        return cell.text
    return repr(cell.value) if cell.value != int_or_none(cell.value) else str(int(cell.value))


def int_or_none(value: float) -> int | None:
    """The whole number that ``value`` is, or None."""
    return int(value) if value == value and abs(value) != float("inf") and value == int(value) else None


def _parts(text: str, cell: Cell, *, with_sd: bool) -> list[str]:
    if not with_sd:
        return [text]
    return [text, "" if cell.spread_value is None else repr(cell.spread_value)]
