"""Single images: every image as a line across the methods, and boxes with every value beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchhost.report.figures.groups import (
    by_level,
    drawn_rows,
    image_values,
    method_ticks,
    metric_label,
    panel_title,
)
from benchhost.report.figures.style import Look, looks, panels, save, styled
from benchhost.report.results import Results
from benchhost.report.wording import condition, slug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Panel = Callable[["Axes", pd.DataFrame, Results, Mapping[str, Look]], None]
BESIDE = 1.25
"""Inches for the names of methods."""


def paired_dots(results: Results, folder: Path, *, width: float | None = None) -> list[Path]:
    """Draw ``paired-TASK-LEVEL``: a dot per image and method, dots of one image joined, methods from worst to best."""
    return _drawn(results, Path(folder), "paired", _paired_panel, width, fewest=2)


def boxes(results: Results, folder: Path, *, width: float | None = None) -> list[Path]:
    """Draw ``box-TASK-LEVEL``: quartiles with whiskers of 1.5 interquartile ranges, every image as a dot, mean."""
    return _drawn(results, Path(folder), "box", _box_panel, width, fewest=1)


def _drawn(results: Results, folder: Path, name: str, panel: Panel, width: float | None, *, fewest: int) -> list[Path]:
    known = looks(results)
    written: list[Path] = []
    for task, level, sets in by_level(drawn_rows(results)):
        sets = [group for group in sets if len(group) >= fewest and group["images"].max() > 1]
        if not sets:
            continue
        tall = 0.3 + 0.24 * max(map(len, sets))
        with styled():
            figure, axes = panels(len(sets), title=condition(task, level), width=width, height=tall, left=BESIDE)
            for place, group in zip(axes, sets, strict=True):
                panel(place, _best_first(group), results, known)
            written += save(figure, folder / f"{name}-{slug(task, level)}")
    return written


def _best_first(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.sort_values("mean", ascending=not bool(rows["higher_is_better"].iloc[0]), kind="stable")


def _paired_panel(axes: Axes, rows: pd.DataFrame, results: Results, known: Mapping[str, Look]) -> None:
    labels = rows["method_label"].astype(str).tolist()
    _, values = results.per_image.matrix(int(group) for group in rows["group"])
    values = np.where(np.isfinite(values), values, np.nan)
    places = np.arange(len(labels))
    strength = float(np.clip(8 / len(values), 0.08, 0.5))
    axes.plot(values.T, places[:, None], color="#777777", linewidth=0.6, alpha=strength, zorder=1)
    for n, label in enumerate(labels):
        drawn = known[label]
        axes.plot(
            values[:, n], np.full(len(values), n), drawn.marker, color=drawn.colour, markersize=3.2, alpha=0.75,
            markeredgewidth=0, linestyle="", zorder=2,
        )  # fmt: skip
        axes.plot(rows["mean"].iloc[n], n, "|", color="black", markersize=11, markeredgewidth=1.4, zorder=3)
    _finished(axes, rows, labels, known)


def _box_panel(axes: Axes, rows: pd.DataFrame, results: Results, known: Mapping[str, Look]) -> None:
    labels = rows["method_label"].astype(str).tolist()
    for n, (label, (_, row)) in enumerate(zip(labels, rows.iterrows(), strict=True)):
        values = image_values(results, row)
        values = values[np.isfinite(values)]
        drawn = known[label]
        line = {"color": drawn.colour, "linewidth": 0.9}
        axes.boxplot(
            [values], positions=[n], orientation="horizontal", widths=0.5, showfliers=False, manage_ticks=False,
            boxprops=line, whiskerprops=line, capprops=line, medianprops={"color": drawn.colour, "linewidth": 1.6},
        )  # fmt: skip
        offsets = np.random.RandomState(n).uniform(-0.16, 0.16, len(values))
        axes.plot(
            values, n + offsets, drawn.marker, color=drawn.colour, markersize=2.6, alpha=0.55, markeredgewidth=0,
            linestyle="",
        )  # fmt: skip
        axes.plot(row["mean"], n, "D", color="white", markeredgecolor="black", markersize=3.6, markeredgewidth=0.8)
    _finished(axes, rows, labels, known)


def _finished(axes: Axes, rows: pd.DataFrame, labels: list[str], known: Mapping[str, Look]) -> None:
    counts = ["" if ok == cells else f" ({ok}/{cells})" for ok, cells in zip(rows["ok"], rows["cells"], strict=True)]
    names = [f"{label}{count}" for label, count in zip(labels, counts, strict=True)]
    method_ticks(axes, names, [known[label].colour for label in labels])
    axes.set_xlabel(metric_label(rows.iloc[0]))
    axes.set_title(panel_title(rows))
