"""Quality against time: one point per method, with a bootstrap interval, and the front that nothing beats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchhost.report.figures.groups import by_level, drawn_rows, interval, metric_label, panel_title
from benchhost.report.figures.labels import label_points
from benchhost.report.figures.style import Look, look, looks, panels, save, styled
from benchhost.report.results import Results
from benchhost.report.wording import condition, slug

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def quality_time(results: Results, folder: Path, *, width: float | None = None) -> list[Path]:
    """Draw ``quality-time-TASK-LEVEL`` per task level, a panel per dataset; levels without two points are left out.

    A hollow point has missing images.  Controls are not drawn: they would stretch the axes.
    """
    rows = drawn_rows(results)
    known = looks(results)
    written: list[Path] = []
    for task, level, sets in by_level(rows[rows["median_seconds"] > 0]):
        sets = [group for group in sets if len(group) > 1]
        if not sets:
            continue
        with styled():
            figure, axes = panels(len(sets), title=condition(task, level), width=width)
            for place, group in zip(axes, sets, strict=True):
                _name(place, group, bars=_panel(place, group, results, known))
            written += save(figure, Path(folder) / f"quality-time-{slug(task, level)}")
    return written


def front(seconds: np.ndarray, quality: np.ndarray, *, higher_is_better: bool) -> np.ndarray:
    """Indices of the points that no faster point equals or beats, from fast to slow."""
    score = quality if higher_is_better else -quality
    kept: list[int] = []
    for index in np.lexsort((-score, seconds)):
        if not kept or score[index] > score[kept[-1]]:
            kept.append(int(index))
    return np.array(kept, int)


def _panel(axes: Axes, rows: pd.DataFrame, results: Results, known: Mapping[str, Look]) -> list[tuple[float, float]]:
    """Draw one dataset; returns the interval of each point."""
    from matplotlib.ticker import NullLocator

    x, y = rows["median_seconds"].to_numpy(float), rows["mean"].to_numpy(float)
    better = bool(rows["higher_is_better"].iloc[0])
    complete = (rows["ok"] == rows["cells"]).to_numpy()
    if complete.any():
        best = front(x[complete], y[complete], higher_is_better=better)
        axes.plot(
            x[complete][best], y[complete][best], drawstyle="steps-post", color="#BDBDBD", linewidth=0.9, zorder=1
        )
    bars: list[tuple[float, float]] = []
    for n, (_, row) in enumerate(rows.iterrows()):
        drawn = known[str(row["method_label"])]
        bars.append(interval(results, row) or (y[n], y[n]))
        axes.plot([x[n], x[n]], bars[-1], color=drawn.colour, linewidth=0.9, zorder=2)
        face = drawn.colour if complete[n] else "white"
        axes.plot(
            x[n], y[n], drawn.marker, color=drawn.colour, markerfacecolor=face, markersize=5.5, linestyle="", zorder=3
        )
    axes.set_xscale("log")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    low, high = x.min(), x.max()
    room = min(max((high / low) ** 0.12, 1.6), 4.0)
    axes.set_xlim(low / room, high * room)
    axes.margins(y=0.12)
    axes.set_title(panel_title(rows))
    indicative = "" if rows["timing_valid"].all() else ", indicative"
    axes.set_xlabel(f"seconds per image (median{indicative})")
    axes.set_ylabel(metric_label(rows.iloc[0]))
    return bars


def _name(axes: Axes, rows: pd.DataFrame, *, bars: list[tuple[float, float]]) -> None:
    points = list(zip(rows["median_seconds"].astype(float), rows["mean"].astype(float), strict=True))
    colours = [look(str(method)).colour for method in rows["method"]]
    counts = ["" if ok == cells else f" ({ok}/{cells})" for ok, cells in zip(rows["ok"], rows["cells"], strict=True)]
    texts = [f"{label}{count}" for label, count in zip(rows["method_label"], counts, strict=True)]
    label_points(axes, points, texts, colours, bars)
