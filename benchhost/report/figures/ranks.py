"""Critical-difference diagram: mean ranks over task levels and data sets, bars over what Nemenyi's test cannot part."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from benchhost.report.aggregate import CONDITION
from benchhost.report.figures.groups import drawn_rows, shortened
from benchhost.report.figures.style import COLUMN, PAGE, canvas, looks, save, styled
from benchhost.report.results import Results
from benchhost.stats import FEWEST_BLOCKS, cliques, critical_difference, friedman

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from benchhost.report.figures.style import Look


NARROWEST = 1.2
"""Inches that the axis of ranks takes at least."""
CHARACTER = 0.058
"""Inches of a character of a name, on average."""


@dataclass(frozen=True, kw_only=True)
class Blocks:
    """Scores of methods in every block that all of them finished, larger is better: (blocks, methods)."""

    methods: tuple[str, ...]
    scores: np.ndarray
    dropped: tuple[str, ...]
    left_out: int


def blocks(results: Results) -> Blocks:
    """The largest table without holes that keeps the methods with a complete value in at least half of the blocks.

    A block is one task level on one data set, scored by the task's primary metric.
    """
    rows = drawn_rows(results)
    rows = rows[rows["ok"] == rows["cells"]]
    signed = rows["mean"].where(rows["higher_is_better"], -rows["mean"])
    wide = rows.assign(score=signed).pivot_table(
        index=CONDITION, columns="method_label", values="score", aggfunc="first", sort=False, observed=True
    )
    kept = wide.columns[wide.notna().sum() * 2 >= len(wide)]
    whole = wide[kept].dropna()
    return Blocks(
        methods=tuple(map(str, kept)),
        scores=whole.to_numpy(float),
        dropped=tuple(str(name) for name in wide.columns if name not in set(kept)),
        left_out=len(wide) - len(whole),
    )


def critical_difference_diagram(results: Results, folder: Path, *, width: float | None = None) -> list[Path]:
    """Draw ``ranks``; nothing for fewer than 3 methods or :data:`benchhost.stats.FEWEST_BLOCKS` blocks."""
    found = blocks(results) if len(results.table) else None
    if found is None or len(found.methods) < 3 or len(found.scores) < FEWEST_BLOCKS:
        return []
    test = friedman(found.scores)
    difference = critical_difference(len(found.methods), len(found.scores))
    groups = cliques(test.ranks, difference)
    if test.p >= 0.05:  # the test over all methods finds nothing: no pair may be told apart either
        groups = [[int(n) for n in np.argsort(test.ranks, kind="stable")]]
    known = looks(results)
    with styled():
        rows = (len(found.methods) + 1) // 2
        longest = max(map(len, found.methods))
        fits = COLUMN - 2 * _side(longest) >= NARROWEST and len(found.methods) <= 6
        wide = width or (COLUMN if fits else PAGE)
        tall = 0.62 + 0.1 * len(groups) + 0.19 * rows + 0.24
        figure = canvas(wide, tall)
        axes = figure.add_axes((0, 0, 1, 1))
        axes.set_axis_off()
        axes.set_xlim(0, wide)
        axes.set_ylim(tall, 0)
        _diagram(axes, wide, tall, found, test.ranks, difference, groups, known)
        p = f"p = {test.p:.3f}" if test.p >= 0.001 else "p < 0.001"
        said = f"{len(found.scores)} task levels × data sets, Friedman {p}"
        said += f"; {found.left_out} with holes left out" if found.left_out else ""
        axes.text(wide / 2, tall - 0.08, said, ha="center", va="bottom", fontsize=7, color="#555555")
        return save(figure, Path(folder) / "ranks")


def _diagram(
    axes: Axes,
    wide: float,
    tall: float,
    found: Blocks,
    ranks: np.ndarray,
    difference: float,
    groups: list[list[int]],
    known: dict[str, Look],
) -> None:
    """Axis on top, best rank at the left; names in two columns, the better half at the left."""
    k = len(found.methods)
    most = int(((wide - NARROWEST) / 2 - _side(0)) / CHARACTER)
    names = [shortened(name, max(most, 4)) for name in found.methods]
    side = _side(max(map(len, names)))
    line = 0.42

    def x(rank: float) -> float:
        return side + (wide - 2 * side) * (rank - 1) / (k - 1)

    axes.plot([x(1), x(k)], [line, line], color="black", linewidth=0.8)
    for rank in range(1, k + 1):
        axes.plot([x(rank)] * 2, [line - 0.05, line], color="black", linewidth=0.8)
        axes.text(x(rank), line - 0.07, str(rank), ha="center", va="bottom", fontsize=7)
    axes.plot([x(1), x(1) + x(1 + difference) - x(1)], [0.14] * 2, color="black", linewidth=1.2, solid_capstyle="butt")
    axes.text(x(1) - 0.06, 0.14, f"CD = {difference:.2f}", ha="right", va="center", fontsize=7)
    for n, group in enumerate(groups):
        y = line + 0.1 + 0.1 * n
        ends = (x(ranks[group].min()) - 0.04, x(ranks[group].max()) + 0.04)
        axes.plot(ends, [y, y], color="#444444", linewidth=2.6, solid_capstyle="round")
    start = line + 0.1 * len(groups) + 0.2
    order = np.argsort(ranks, kind="stable")
    half = (k + 1) // 2
    for n, index in enumerate(order):
        left = n < half
        y = start + 0.19 * (n if left else k - 1 - n)
        drawn = known[found.methods[index]]
        edge = side - 0.12 if left else wide - side + 0.12
        axes.plot([x(ranks[index])] * 2 + [edge], [line, y, y], color=drawn.colour, linewidth=0.9)
        axes.plot(x(ranks[index]), line, drawn.marker, color=drawn.colour, markersize=4, clip_on=False, zorder=3)
        said = f"{names[index]} {ranks[index]:.2f}" if left else f"{ranks[index]:.2f} {names[index]}"
        axes.text(
            edge + (-0.05 if left else 0.05), y, said, ha="right" if left else "left", va="center", fontsize=7,
            color=drawn.colour,
        )  # fmt: skip


def _side(characters: int) -> float:
    """Inches for a name and its rank."""
    return 0.2 + CHARACTER * (characters + 5)
