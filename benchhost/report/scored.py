"""The cells of a table before they are arranged: score, hole, rank, significance and leak mark of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

import pandas as pd

from benchhost.report.aggregate import CONDITION, METHOD
from benchhost.report.model import Cell, number
from benchhost.report.ranking import UNSURE, UNSURE_NOTE, marked, rank
from benchhost.report.results import Results
from benchhost.report.wording import HOLE_TEXT, metric_titles, with_unit

UNRANKED = frozenset({"consistency"})
"""Metrics that check and do not compare: on noisy data a perfect fit is a fault, so nobody is best in them."""

LEAK = "‡"
LEAK_NOTE = "trained on images of this test set"
MAYBE_NOTE = "training data contain, or are not declared and may contain, images of this test set"


class Place(NamedTuple):
    """A condition: the columns CONDITION of the aggregate."""

    task: str
    task_params: str
    level: str
    dataset: str


class Who(NamedTuple):
    """A method with its parameters: the columns METHOD of the aggregate."""

    method: str
    method_params: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Scored:
    """Rows of the aggregate as ranked cells.

    cells: (place, method, title of the metric) -> cell.  titles: of the metrics, in order, with their direction.
    heads: the title of each row.
    """

    rows: pd.DataFrame
    heads: tuple[str, ...]
    places: tuple[Place, ...]
    methods: tuple[Who, ...]
    titles: Mapping[str, bool | None]
    metrics: Mapping[str, str]
    cells: Mapping[tuple[Place, Who, str], Cell]

    @property
    def footnotes(self) -> dict[str, str]:
        """Signs that occur in the cells, with their meaning."""
        return footnotes(self.rows, self.cells.values())


def scored(results: Results, rows: pd.DataFrame) -> Scored:
    """Rank every (condition, metric) of ``rows`` of ``results.table`` over its methods, and test the best."""
    titles = metric_columns(rows)
    found: dict[tuple[Place, Who, str], Cell] = {}
    better = dict(zip(titles, map(bool, rows["higher_is_better"]), strict=True))
    metrics = dict(zip(titles, rows["metric"].astype(str), strict=True))
    places = [Place(*map(str, place)) for place in rows[CONDITION].itertuples(index=False, name=None)]
    methods = [Who(*map(str, who)) for who in rows[METHOD].itertuples(index=False, name=None)]
    columns: dict[tuple[Place, str], list[int]] = {}
    for n, key in enumerate(zip(places, titles, strict=True)):
        columns.setdefault(key, []).append(n)
    records = rows.to_dict("records")
    for (place, title), members in columns.items():
        block = [records[n] for n in members]
        ranked = ranked_cells(results, block, direction(metrics[title], better[title]))
        found |= {(place, methods[n], title): cell for n, cell in zip(members, ranked, strict=True)}
    return Scored(
        rows=rows,
        heads=tuple(titles),
        places=tuple(dict.fromkeys(places)),
        methods=tuple(dict.fromkeys(methods)),
        titles={title: direction(metrics[title], better[title]) for title in dict.fromkeys(titles)},
        metrics=metrics,
        cells=found,
    )


def joined(parts: Sequence[Scored]) -> Scored:
    """Several tasks as one: a metric has one title whatever protocol each task states, as ranks are within tasks."""
    return Scored(
        rows=pd.concat([part.rows for part in parts]),
        heads=tuple(chain.from_iterable(part.heads for part in parts)),
        places=tuple(chain.from_iterable(part.places for part in parts)),
        methods=tuple(dict.fromkeys(chain.from_iterable(part.methods for part in parts))),
        titles=dict(chain.from_iterable(part.titles.items() for part in parts)),
        metrics=dict(chain.from_iterable(part.metrics.items() for part in parts)),
        cells=dict(chain.from_iterable(part.cells.items() for part in parts)),
    )


def ranked_cells(results: Results, block: list[Mapping[str, Any]], better: bool | None) -> list[Cell]:
    """The cells of one condition and metric, one per record of the aggregate, ranked and tested."""
    cells = [score_cell(row) for row in block]
    if better is None:
        return cells
    eligible = [str(row["method"]) not in results.controls for row in block]
    cells = rank(cells, higher_is_better=better, eligible=eligible)
    if "best" not in {cell.style for cell in cells}:
        return cells
    _, values = results.per_image.matrix(int(row["group"]) for row in block)
    return marked(cells, values, higher_is_better=better, eligible=eligible)


def score_cell(row: Mapping[str, Any]) -> Cell:
    """The cell of one row of :attr:`Results.table`."""
    reason = str(row["reason"])
    if not row["ok"]:
        return Cell(text=HOLE_TEXT.get(row["hole"], row["hole"] or "n/a"), style="muted", reason=reason)
    return Cell(
        text=number(row["mean"], row["decimals"]),
        value=float(row["mean"]),
        spread=number(row["sd"], row["decimals"]) if row["sd"] == row["sd"] else "",
        spread_value=float(row["sd"]) if row["sd"] == row["sd"] else None,
        count="" if row["ok"] == row["cells"] else f"({row['ok']}/{row['cells']})",
        marks=(LEAK,) if _may_have_seen(row["trained_on_test"]) else (),
        reason=reason,
    )


def without_spread(cell: Cell) -> Cell:
    """The cell without its ± part."""
    return replace(cell, spread="", spread_value=None) if cell.spread else cell


def metric_columns(rows: pd.DataFrame) -> list[str]:
    """The title of each row's metric, as columns are headed."""
    pairs = list(zip(rows["metric"].astype(str), rows["protocol"].astype(str), strict=True))
    titles = metric_titles(pairs)
    units = zip(pairs, rows["unit"].fillna("").astype(str), rows["higher_is_better"], strict=True)
    return [with_unit(titles[pair], unit, direction(pair[0], bool(better))) for pair, unit, better in units]


def direction(metric: str, higher: bool) -> bool | None:
    """Which direction wins, or None where nobody is ranked."""
    return None if metric in UNRANKED else higher


def footnotes(rows: pd.DataFrame, cells: Any) -> dict[str, str]:
    """What the signs in ``cells`` mean."""
    signs = {sign for cell in cells for sign in cell.marks}
    notes = {}
    if UNSURE in signs:
        notes[UNSURE] = UNSURE_NOTE
    if LEAK in signs:
        known = rows["trained_on_test"].map(lambda value: value is True or value is False).all()
        notes[LEAK] = LEAK_NOTE if known else MAYBE_NOTE
    return notes


def _may_have_seen(trained_on_test: Any) -> bool:
    """Undeclared is never clean."""
    return trained_on_test is None or trained_on_test != trained_on_test or bool(trained_on_test)
