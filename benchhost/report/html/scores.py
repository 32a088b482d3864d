"""The numbers of a page as text columns: what the per-image table shows, at the precision of every other table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchhost.report.aggregate import METHOD, METRIC
from benchhost.report.html.pages import Page
from benchhost.report.model import number, seconds
from benchhost.report.wording import HOLE_TEXT, first_line

HOLE = "~"
"""Stands in a column for a value that is not there."""
LONGEST_REASON = 300
"""Characters of a reason on a page; the whole text is in the exported rows."""


@dataclass(frozen=True, kw_only=True)
class Grid:
    """The two directions of a page's table: rows are images (and repeats), columns are methods.

    rows: their names; methods: (name, parameters as JSON, label); row, method: for each line of the page's frame its
    place in them.
    """

    rows: list[str]
    methods: list[tuple[str, str, str]]
    row: np.ndarray
    method: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Methods by rows, as the columns of a measure are filled."""
        return len(self.methods), len(self.rows)


def grid(page: Page) -> Grid:
    """Where each line of a page's frame belongs."""
    frame = page.frame
    row = frame.groupby(["image", "repeat"], observed=True, sort=False, dropna=False).ngroup().to_numpy()
    firsts = frame.iloc[np.unique(row, return_index=True)[1]]
    images = firsts["image"].astype(str).tolist()
    repeats = firsts["repeat"].fillna(0).astype(int).tolist()
    several = len(set(repeats)) > 1
    methods = [line.method for line in page.table.lines]
    return Grid(
        rows=[f"{name} · repeat {n + 1}" if several else name for name, n in zip(images, repeats, strict=True)],
        methods=methods,
        row=row,
        method=_places(frame, METHOD, methods),
    )


def page_data(page: Page, grid: Grid) -> dict[str, Any]:
    """Everything the script of a page needs, JSON-ready.

    rows: image names, with the repeat where there are several.
    measures: title, better (1 higher, -1 lower, 0 unranked) and one column of texts per method, joined by blanks.
    holes: [method, row, number of its reason] of every cell that is not ok; reasons: [word, reason].
    """
    holes, reasons = _holes(page.frame, grid)
    return {
        "rows": grid.rows,
        "methods": [{"label": line.label, "control": line.control} for line in page.table.lines],
        "measures": [*_metrics(page, grid), *_costs(page.frame, grid)],
        "holes": holes,
        "reasons": reasons,
    }


def text_columns(values: np.ndarray, text: Callable[[float], str]) -> list[str]:
    """Rows of a matrix as texts joined by blanks, a hole where the value is NaN."""
    return [" ".join(HOLE if value != value else text(value) for value in line) for line in values.tolist()]


def floats(values: pd.Series) -> np.ndarray:
    """Plain float64 of their own; NA becomes NaN."""
    return pd.to_numeric(values, errors="coerce").to_numpy(np.float64, na_value=np.nan, copy=True)


def _places(frame: pd.DataFrame, columns: list[str], order: Sequence[tuple[str, ...]]) -> np.ndarray:
    """For each row of ``frame`` the place in ``order`` of its values."""
    number = {values: place for place, values in enumerate(order)}
    groups = frame.groupby(columns, observed=True, sort=False)
    found = np.zeros(len(frame), np.int64)
    for values, index in groups.indices.items():
        found[index] = number[tuple(map(str, values))]
    return found


def _metrics(page: Page, grid: Grid) -> list[dict[str, Any]]:
    columns = page.table.columns
    metric = _places(page.frame, METRIC, [(column.metric, column.protocol) for column in columns])
    value = floats(page.frame["value"])
    value[page.frame["status"].to_numpy() != "ok"] = np.nan
    measures = []
    for place, column in enumerate(columns):
        mine = metric == place
        table = np.full(grid.shape, np.nan)
        table[grid.method[mine], grid.row[mine]] = value[mine]
        measures.append(
            {
                "title": column.title,
                "name": f"{column.metric}/{column.protocol}",
                "unit": column.unit,
                "better": column.better,
                "columns": text_columns(table, lambda v, d=column.decimals: number(v, d)),
            }
        )
    return measures


def _costs(frame: pd.DataFrame, grid: Grid) -> list[dict[str, Any]]:
    """Time and memory, where they were recorded; fewer is better but nobody is ranked in them."""
    texts: Mapping[str, tuple[str, Callable[[float], str]]] = {
        "seconds": ("time [s]", seconds),
        "peak_rss_mb": ("memory [MB]", lambda value: number(value, 0)),
        "peak_vram_mb": ("GPU memory [MB]", lambda value: number(value, 0)),
    }
    ok = frame["status"].to_numpy() == "ok"
    measures = []
    for name, (title, text) in texts.items():
        values = floats(frame[name])
        keep = ok & ~np.isnan(values)
        if name == "peak_vram_mb":
            keep &= values > 0
        if not keep.any():
            continue
        table = np.full(grid.shape, np.nan)
        table[grid.method[keep], grid.row[keep]] = values[keep]
        measures.append({"title": title, "name": name, "unit": "", "better": 0, "columns": text_columns(table, text)})
    return measures


def _holes(frame: pd.DataFrame, grid: Grid) -> tuple[list[list[int]], list[list[str]]]:
    """Cells without a value as [method, row, number of its reason], and the reasons as [word, reason]."""
    bad = np.flatnonzero(frame["status"].to_numpy() != "ok")
    if not len(bad):
        return [], []
    _, first = np.unique(grid.method[bad] * len(grid.rows) + grid.row[bad], return_index=True)
    reasons: dict[tuple[str, str], int] = {}
    holes = []
    for at in bad[np.sort(first)]:
        status = str(frame["status"].iat[at])
        why = first_line(frame["reason"].iat[at], LONGEST_REASON) or "no reason recorded"
        place = reasons.setdefault((HOLE_TEXT.get(status, status), why), len(reasons))
        holes.append([int(grid.method[at]), int(grid.row[at]), place])
    return holes, [list(reason) for reason in reasons]
