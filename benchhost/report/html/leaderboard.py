"""Every method on every condition in one list: what the leaderboard sorts and filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from benchhost.report.html.pages import Page
from benchhost.report.html.scores import HOLE
from benchhost.report.model import Cell
from benchhost.report.wording import first_line


def leaderboard(pages: Sequence[Page]) -> dict[str, Any]:
    """The data of the leaderboard, JSON-ready.

    columns: titles of the metrics, with their direction; protocols of one metric differ between tasks, and the last
        entry of a row says by which one it is ranked.
    rows: per condition and method: page, task, level, data set, method, rank ("" where not ranked), cells
        ([text, spread, count and marks, style, reason] or None, one per column), time, cells with a value, of how
        many, protocol of the primary metric.
    """
    columns = list(dict.fromkeys(column.title for page in pages for column in page.table.columns))
    place_of = {title: place for place, title in enumerate(columns)}
    rows = []
    for place, page in enumerate(pages):
        task, _, level, dataset = page.place
        table = page.table
        first = table.columns[table.primary]
        for line in table.lines:
            cells: list[Any] = [None] * len(columns)
            for column, cell in zip(table.columns, line.cells, strict=True):
                if cell.text:
                    cells[place_of[column.title]] = _packed(cell)
            rows.append(
                [place, task, level, dataset, line.label, line.rank, cells, line.time or HOLE, line.ok, line.of,
                 f"{first.metric}/{first.protocol}"]
            )  # fmt: skip
    return {"pages": [page.slug for page in pages], "columns": columns, "rows": rows}


def _packed(cell: Cell) -> list[str]:
    return [cell.text, cell.spread, f"{cell.count}{''.join(cell.marks)}", cell.style, first_line(cell.reason)]
