"""From aggregates to tables: one row per condition and method (long), or methods by conditions (wide)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import pandas as pd

from benchhost.report.aggregate import CONDITION, METHOD
from benchhost.report.caption import caption
from benchhost.report.model import Cell, Column, Row, TableModel, number, seconds
from benchhost.report.ranking import rank
from benchhost.report.results import Results
from benchhost.report.wording import HOLE_TEXT, condition, metric_titles, slug, with_unit

UNRANKED = frozenset({"consistency"})
"""Metrics that check and do not compare: on noisy data a perfect fit is a fault, so nobody is best in them."""

LEAK = "‡"
LEAK_NOTE = "trained on images of this test set"
LINE = 100
"""Characters that fit across a page in small type."""


def long_tables(results: Results) -> list[TableModel]:
    """One table per task: a row per (level, dataset, method) with every metric, time and the count of images."""
    return [_long(results, str(task), rows) for task, rows in results.table.groupby("task", sort=False, observed=True)]


def wide_tables(results: Results, *, line: int = LINE) -> list[TableModel]:
    """Tables for papers, per task and metric: methods down, levels under datasets across; then the times.

    A table of more than ``line`` characters across is divided, between datasets where it can be.
    """
    models = []
    for task, rows in results.table.groupby("task", sort=False, observed=True):
        titles = _titles(rows)
        for title in dict.fromkeys(titles):
            mine = rows[titles == title]
            parts = _divided(mine, _most_across(mine, line))
            models += [_wide(results, str(task), title, part, n if len(parts) > 1 else 0) for n, part in parts]
        models.append(_times(results, str(task), rows[rows["primary"]]))
    return models


def score_cell(row: pd.Series) -> Cell:
    """The cell of one row of :attr:`Results.table`."""
    reason = str(row["reason"])
    marks = (LEAK,) if row["trained_on_test"] else ()
    if not row["ok"]:
        return Cell(text=HOLE_TEXT.get(row["hole"], row["hole"] or "n/a"), style="muted", reason=reason)
    return Cell(
        text=number(row["mean"], row["decimals"]),
        value=float(row["mean"]),
        spread=number(row["sd"], row["decimals"]) if row["sd"] == row["sd"] else "",
        spread_value=float(row["sd"]) if row["sd"] == row["sd"] else None,
        count="" if row["ok"] == row["cells"] else f"({row['ok']}/{row['cells']})",
        marks=marks,
        reason=reason,
    )


def _titles(rows: pd.DataFrame) -> pd.Series:
    """The title of each row's metric, as columns are headed."""
    pairs = list(zip(rows["metric"].astype(str), rows["protocol"].astype(str), strict=True))
    titles = metric_titles(pairs)
    units = zip(pairs, rows["unit"].fillna("").astype(str), rows["higher_is_better"], strict=True)
    titled = [with_unit(titles[pair], unit, _better(pair[0], bool(better))) for pair, unit, better in units]
    return pd.Series(titled, index=rows.index)


def _better(metric: str, higher: bool) -> bool | None:
    """Which direction wins, or None where nobody is ranked."""
    return None if metric in UNRANKED else higher


def _long(results: Results, task: str, rows: pd.DataFrame) -> TableModel:
    titles = _titles(rows)
    scores = list(dict.fromkeys(titles))
    firsts = {title: rows[titles == title].iloc[0] for title in scores}
    better = {title: _better(str(row["metric"]), bool(row["higher_is_better"])) for title, row in firsts.items()}
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
        table = [_scores(block, titles, scores) for block in blocks]
        eligible = [str(block["method"].iloc[0]) not in results.controls for block in blocks]
        for n, title in enumerate(scores):
            if better[title] is None:
                continue
            ranked = rank([line[n] for line in table], higher_is_better=better[title], eligible=eligible)
            table = [[*line[:n], cell, *line[n + 1 :]] for line, cell in zip(table, ranked, strict=True)]
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
        footnotes=_footnotes(rows),
    )


def _scores(block: pd.DataFrame, titles: pd.Series, scores: Sequence[str]) -> list[Cell]:
    by_title = {titles[index]: row for index, row in block.iterrows()}
    absent = Cell(text="", style="muted", reason="not a metric of this level")
    return [score_cell(by_title[title]) if title in by_title else absent for title in scores]


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


def _most_across(rows: pd.DataFrame, line: int) -> int:
    """How many conditions fit beside the methods' names."""
    names = max(map(len, rows["method_label"].astype(str)))
    heads = max(map(len, rows["level"].astype(str)))
    widest = max(len(score_cell(row).plain) for _, row in rows.iterrows())
    return max(1, (line - names) // (max(heads, widest) + 2))


def _divided(rows: pd.DataFrame, widest: int) -> list[tuple[int, pd.DataFrame]]:
    """Parts of at most ``widest`` conditions, numbered from 1; a dataset is kept whole where it fits."""
    places = (
        rows[CONDITION]
        .drop_duplicates()
        .sort_values("dataset", key=lambda names: pd.factorize(names)[0], kind="stable")
    )
    parts: list[list[tuple[Hashable, ...]]] = [[]]
    for _, group in places.groupby("dataset", sort=False, observed=True):
        mine = list(group.itertuples(index=False, name=None))
        if parts[-1] and len(parts[-1]) + len(mine) > widest:
            parts.append([])
        for place in mine:
            if len(parts[-1]) == widest:
                parts.append([])
            parts[-1].append(place)
    index = pd.MultiIndex.from_frame(rows[CONDITION])
    return [(n, rows[index.isin(part)]) for n, part in enumerate(parts, 1)]


def _wide(results: Results, task: str, title: str, rows: pd.DataFrame, part: int) -> TableModel:
    better = _better(str(rows["metric"].iloc[0]), bool(rows["higher_is_better"].iloc[0]))
    model = _pivot(results, rows, score_cell, better=better)
    return replace(
        model,
        name=slug(task, title.partition(" [")[0].rstrip(" ↑↓"), *([str(part)] if part else [])),
        title=f"{task}: {title}",
        caption=caption(results, rows, what=title.rstrip(" ↑↓")),
        footnotes=_footnotes(rows),
    )


def _times(results: Results, task: str, rows: pd.DataFrame) -> TableModel:
    def cell(row: pd.Series) -> Cell:
        if row["median_seconds"] != row["median_seconds"]:
            return replace(score_cell(row), text=HOLE_TEXT.get(row["hole"], "n/a"), value=None, style="muted")
        return Cell(text=seconds(row["median_seconds"]), value=float(row["median_seconds"]))

    model = _pivot(results, rows, cell, better=None)
    what = "Seconds per image, median"
    return replace(
        model,
        name=slug(task, "time"),
        title=f"{task}: time [s]",
        caption=caption(results, rows, what=what, scores=False),
    )


def _pivot(
    results: Results, rows: pd.DataFrame, cell: Callable[[pd.Series], Cell], *, better: bool | None
) -> TableModel:
    """Methods down; conditions across, levels under their dataset."""
    places = list(rows[CONDITION].drop_duplicates().itertuples(index=False, name=None))
    order = list(dict.fromkeys(place[-1] for place in places))
    places.sort(key=lambda place: order.index(place[-1]))
    methods = list(rows[METHOD].drop_duplicates().itertuples(index=False, name=None))
    at = {
        (place, method): row
        for place, method, (_, row) in zip(
            rows[CONDITION].itertuples(index=False, name=None),
            rows[METHOD].itertuples(index=False, name=None),
            rows.iterrows(),
            strict=True,
        )
    }
    absent = Cell(text="", style="muted", reason="not in this run")
    eligible = [str(method[0]) not in results.controls for method in methods]
    columns = []
    for place in places:
        cells = [cell(at[place, method]) if (place, method) in at else absent for method in methods]
        columns.append(cells if better is None else rank(cells, higher_is_better=better, eligible=eligible))
    heads = [Column(title="method", align="left")]
    for task, _, level, dataset in places:
        heads.append(
            Column(title=condition("", level).strip() or str(task), groups=(str(dataset),), higher_is_better=better)
        )
    body = [
        Row(cells=(Cell(text=str(method[-1]), style="" if eligible[n] else "muted"), *(c[n] for c in columns)))
        for n, method in enumerate(methods)
    ]
    return TableModel(name="table", title="", columns=tuple(heads), rows=tuple(body))


def _footnotes(rows: pd.DataFrame) -> dict[str, str]:
    return {LEAK: LEAK_NOTE} if rows["trained_on_test"].any() else {}
