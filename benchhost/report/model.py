"""The table that every renderer draws: cells carry value, text, style, marks and the reason for a hole."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Style = Literal["", "best", "second", "muted"]


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One place of a table.

    text: what is printed, at the metric's precision: "24.31", "n/a", "OOM".
    value: the number behind the text, unrounded; None for labels and holes.
    spread: what follows the text after a ±, or "".
    count: "(67/68)" where some images have no value, or "".
    style: "best" and "second" of a comparison; "muted" for holes and controls.
    marks: footnote signs set after the text, each explained in :attr:`TableModel.footnotes`.
    reason: why the value is missing or incomplete.
    cite: keys of entries in the bibliography, for names of methods.
    """

    text: str
    value: float | None = None
    spread: str = ""
    spread_value: float | None = None
    count: str = ""
    style: Style = ""
    marks: tuple[str, ...] = ()
    reason: str = ""
    cite: tuple[str, ...] = ()

    @property
    def plain(self) -> str:
        """The whole cell without style: ``24.31 ± 2.10 (67/68)‡``."""
        spread = f" ± {self.spread}" if self.spread else ""
        count = f" {self.count}" if self.count else ""
        return f"{self.text}{spread}{count}{''.join(self.marks)}"


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its title, the headers above it (outermost first), and which direction is better, if either.

    joined: whether it is the second of a pair with the column before it: renderers may set a slash between them.
    """

    title: str
    groups: tuple[str, ...] = ()
    align: Literal["left", "right"] = "right"
    higher_is_better: bool | None = None
    joined: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row; ``rule_above`` sets it off from the row before.

    reported: whether its numbers were published by others and not measured here.
    """

    cells: tuple[Cell, ...]
    rule_above: bool = False
    reported: bool = False


@dataclass(frozen=True, kw_only=True)
class TableModel:
    """A table, ready to be drawn.

    name: file name and label: letters, digits and dashes.
    footnotes: sign -> explanation.
    datasets: name of each data set -> keys of entries in the bibliography.
    landscape: whether it is meant for a page turned on its side.
    """

    name: str
    title: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    caption: str = ""
    footnotes: Mapping[str, str] = field(default_factory=dict)
    datasets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    landscape: bool = False

    def __post_init__(self) -> None:
        for row in self.rows:
            if len(row.cells) != len(self.columns):
                raise ValueError(
                    f"table '{self.name}': a row has {len(row.cells)} cells for {len(self.columns)} columns"
                )

    @property
    def header_rows(self) -> list[list[str]]:
        """Headers from the outermost group to the titles, each as wide as the table."""
        depth = max((len(column.groups) for column in self.columns), default=0)
        padded = [(("",) * (depth - len(c.groups)) + c.groups, c.title) for c in self.columns]
        return [*([groups[level] for groups, _ in padded] for level in range(depth)), [title for _, title in padded]]

    @property
    def header_spans(self) -> list[list[tuple[str, int, int]]]:
        """Group headers, outermost first, as (text, first column from 0, width); none spans two of its parents."""
        *groups, _ = self.header_rows
        rows = []
        for depth, texts in enumerate(groups):
            above = list(zip(*groups[: depth + 1], strict=True))
            starts = [n for n in range(len(texts)) if n == 0 or above[n] != above[n - 1]]
            ends = [*starts[1:], len(texts)]
            rows.append([(texts[a], a, b - a) for a, b in zip(starts, ends, strict=True)])
        return rows


def number(value: float, decimals: int) -> str:
    """A value at a fixed number of decimals; one that would print as zero but is not, in powers of ten."""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    if value != 0 and abs(value) < 0.5 * 10.0**-decimals:
        return f"{value:.1e}"
    return f"{value:.{decimals}f}"


def seconds(value: float) -> str:
    """A time in seconds with three significant digits, never in powers of ten."""
    if value <= 0:
        return "0"
    rounded = float(f"{value:.3g}")
    decimals = 2 - math.floor(math.log10(rounded))
    return f"{rounded:.{min(max(decimals, 0), 6)}f}"
