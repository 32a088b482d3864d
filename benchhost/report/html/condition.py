"""One condition as a table: methods down, metrics across; what the overview, the leaderboard and a page all show."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from benchhost.report.aggregate import METHOD
from benchhost.report.model import Cell, number, seconds
from benchhost.report.results import Results
from benchhost.report.scored import UNRANKED, footnotes, ranked_cells
from benchhost.report.wording import metric_titles, with_unit

Record = Mapping[str, Any]
"""A row of :attr:`Results.table` as a dictionary: thousands of them are far quicker than rows of a frame."""

ABSENT = Cell(text="", style="muted", reason="not a metric of this method here")


@dataclass(frozen=True, kw_only=True)
class Column:
    """A metric of the condition.  better: 1 higher, -1 lower, 0 nobody is ranked."""

    metric: str
    protocol: str
    title: str
    unit: str
    decimals: int
    better: int
    primary: bool


@dataclass(frozen=True, kw_only=True)
class Line:
    """A method of the condition: its cells, one per column, in the style of their rank.

    rank: place by the primary metric among methods that compare fairly, or ""; time, peak: printed, or "".
    ok, of: cells with a value, of how many.
    """

    method: tuple[str, str, str]
    control: bool
    cells: list[Cell]
    rank: str
    time: str
    peak: str
    ok: int
    of: int

    @property
    def label(self) -> str:
        """The method as tables name it."""
        return self.method[2]

    @property
    def count(self) -> str:
        """``68``, or ``67/68`` where cells have no value."""
        return str(self.of) if self.ok == self.of else f"{self.ok}/{self.of}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """Every method on one condition; images: of the largest method; footnotes: sign -> what it means."""

    columns: list[Column]
    lines: list[Line]
    images: int
    footnotes: Mapping[str, str]

    @property
    def primary(self) -> int:
        """Place of the primary metric's column."""
        return next((n for n, column in enumerate(self.columns) if column.primary), 0)

    @property
    def peaks(self) -> bool:
        """Whether any method offered iterates."""
        return any(line.peak for line in self.lines)


def table(records: Sequence[Record], results: Results) -> Table:
    """The table of one condition from its rows, which are in the order that tables have."""
    pairs = list(dict.fromkeys((str(r["metric"]), str(r["protocol"])) for r in records))
    names = metric_titles(pairs)
    by_method: dict[tuple[str, ...], dict[tuple[str, str], Record]] = {}
    for record in records:
        method = tuple(str(record[name]) for name in METHOD)
        by_method.setdefault(method, {})[str(record["metric"]), str(record["protocol"])] = record
    eligible = [method[0] not in results.controls for method in by_method]
    columns, down = [], []
    ranks = [""] * len(by_method)
    for pair in pairs:
        rows = [mine.get(pair) for mine in by_method.values()]
        column = _column(pair, names[pair], next(row for row in rows if row is not None))
        better = None if not column.better else column.better > 0
        ranked = iter(ranked_cells(results, [row for row in rows if row is not None], better))
        cells = [ABSENT if row is None else next(ranked) for row in rows]
        if column.primary and better is not None:
            ranks = places(cells, eligible, higher_is_better=better)
        columns.append(column)
        down.append(cells)
    lines = [
        _line(method, list(mine.values()), not eligible[n], [cells[n] for cells in down], ranks[n])
        for n, (method, mine) in enumerate(by_method.items())
    ]
    return Table(
        columns=columns,
        lines=lines,
        images=max(int(record["images"]) for record in records),
        footnotes=footnotes(pd.DataFrame(list(records)), (cell for cells in down for cell in cells)),
    )


def places(cells: Sequence[Cell], eligible: Sequence[bool], *, higher_is_better: bool) -> list[str]:
    """Rank of each cell among those that compare fairly ("1", "2", "2", "4"), "" for the others."""
    fair = [c for c, ok in zip(cells, eligible, strict=True) if ok and c.value is not None and not c.count]
    first: dict[str, int] = {}
    for n, cell in enumerate(sorted(fair, key=lambda c: c.value, reverse=higher_is_better), 1):
        first.setdefault(cell.text, n)
    known = set(map(id, fair))
    return [str(first[c.text]) if id(c) in known else "" for c in cells]


def _column(pair: tuple[str, str], name: str, first: Record) -> Column:
    unit, higher = str(first["unit"] or ""), bool(first["higher_is_better"])
    ranked = pair[0] not in UNRANKED
    return Column(
        metric=pair[0],
        protocol=pair[1],
        title=with_unit(name, unit, higher if ranked else None),
        unit=unit,
        decimals=int(first["decimals"]),
        better=0 if not ranked else 1 if higher else -1,
        primary=bool(first["primary"]),
    )


def _line(method: tuple[str, ...], records: Sequence[Record], control: bool, cells: list[Cell], place: str) -> Line:
    times = [r["median_seconds"] for r in records if r["median_seconds"] == r["median_seconds"]]
    peaks = [r for r in records if r["primary"] and r["peak"] == r["peak"]]
    best = max(records, key=lambda record: record["ok"])
    return Line(
        method=method,
        control=control,
        cells=cells,
        rank=place,
        time=seconds(max(times)) if times else "",
        peak=number(peaks[0]["peak"], peaks[0]["decimals"]) if peaks else "",
        ok=int(best["ok"]),
        of=int(best["cells"]),
    )
