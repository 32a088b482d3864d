"""From aggregates to one table per task: a row per condition and method, every metric beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import pandas as pd

from benchhost.report.aggregate import CONDITION, METHOD
from benchhost.report.caption import caption
from benchhost.report.layouts import wide_tables
from benchhost.report.model import Cell, Column, Row, TableModel, number, seconds
from benchhost.report.results import Results
from benchhost.report.scored import direction, footnotes, metric_columns, ranked_cells
from benchhost.report.wording import slug

__all__ = ["long_tables", "wide_tables"]


def long_tables(results: Results) -> list[TableModel]:
    """One table per task: a row per (level, dataset, method) with every metric, time and the count of images."""
    return [_long(results, str(task), rows) for task, rows in results.table.groupby("task", sort=False, observed=True)]


def _long(results: Results, task: str, rows: pd.DataFrame) -> TableModel:
    titles = pd.Series(metric_columns(rows), index=rows.index)
    named_metrics = titles.to_dict()
    scores = list(dict.fromkeys(titles))
    firsts = {title: rows[titles == title].iloc[0] for title in scores}
    better = {title: direction(str(row["metric"]), bool(row["higher_is_better"])) for title, row in firsts.items()}
    peak = rows["primary"] & rows["peak"].notna()
    peak_title = f"peak {titles[peak].iloc[0].partition(' ')[0]}" if peak.any() else ""
    labels = [name for name in ("level", "dataset") if rows[name].nunique() > 1]
    columns = [
        *(Column(title=name, align="left") for name in (*labels, "method")),
        *(Column(title=title, higher_is_better=better[title]) for title in scores),
        *([Column(title=peak_title)] if peak_title else []),
        Column(title="time [s]"),
        Column(title="images" if (rows["cells"] == rows["images"]).all() else "cells"),
    ]
    body: list[Row] = []
    for place, at in rows.groupby(CONDITION, sort=False, observed=True):
        named = dict(zip(CONDITION, map(str, place), strict=True))
        blocks = [group for _, group in at.groupby(METHOD, sort=False, observed=True)]
        eligible = [str(block["method"].iloc[0]) not in results.controls for block in blocks]
        table = _scores(results, blocks, named_metrics, scores, better)
        for n, (block, line) in enumerate(zip(blocks, table, strict=True)):
            head = [Cell(text=named[name] if n == 0 else "") for name in labels]
            label = Cell(text=str(block["method_label"].iloc[0]), style="" if eligible[n] else "muted")
            tail = [_peak(block)] if peak_title else []
            body.append(
                Row(cells=(*head, label, *line, *tail, _time(block), _count(block)), rule_above=n == 0 and bool(body))
            )
    fixed = [str(rows[name].iloc[0]) for name in ("level", "dataset") if name not in labels]
    fixed = [text for text in fixed if text not in ("", "default")]
    return TableModel(
        name=slug(task),
        title=" · ".join([task, *fixed]),
        columns=tuple(columns),
        rows=tuple(body),
        caption=caption(results, rows, what=f"Task {task}"),
        footnotes=footnotes(rows, (cell for row in body for cell in row.cells)),
    )


def _scores(
    results: Results,
    blocks: Sequence[pd.DataFrame],
    titles: Mapping[int, str],
    scores: Sequence[str],
    better: dict[str, bool | None],
) -> list[list[Cell]]:
    """One line of cells per method, ranked and tested by metric."""
    absent = Cell(text="", style="muted", reason="not a metric of this level")
    table = [[absent] * len(scores) for _ in blocks]
    records = iter(pd.concat(blocks).reset_index().to_dict("records"))
    by_title = [{titles[row["index"]]: row for row in islice(records, len(block))} for block in blocks]
    for n, title in enumerate(scores):
        present = [line for line, found in enumerate(by_title) if title in found]
        cells = ranked_cells(results, [by_title[line][title] for line in present], better[title])
        for line, cell in zip(present, cells, strict=True):
            table[line][n] = cell
    return table


def _peak(block: pd.DataFrame) -> Cell:
    primary = block[block["primary"] & block["peak"].notna()]
    if primary.empty:
        return Cell(text="")
    row = primary.iloc[0]
    return Cell(text=number(row["peak"], row["decimals"]), value=float(row["peak"]), style="muted")


def _time(block: pd.DataFrame) -> Cell:
    value = block["median_seconds"].max()
    return Cell(text="", style="muted") if value != value else Cell(text=seconds(value), value=float(value))


def _count(block: pd.DataFrame) -> Cell:
    row = block.loc[block["ok"].idxmax()]
    ok, cells = int(row["ok"]), int(row["cells"])
    return Cell(text=str(cells) if ok == cells else f"{ok}/{cells}", value=float(ok), reason=str(row["reason"]))
