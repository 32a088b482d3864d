"""Quality against time: one point per method, with a bootstrap interval, and the front that nothing beats."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchhost.report.aggregate import CONDITION
from benchhost.report.figures.labels import label_points
from benchhost.report.figures.style import Look, look, looks, panels, save, styled
from benchhost.report.results import Results
from benchhost.report.wording import condition, metric_titles, slug, with_unit
from benchhost.stats import bootstrap_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes


FEWEST = 4
"""Images below which no interval is drawn: resampling two or three values says nothing."""


def quality_time(results: Results, folder: Path) -> list[Path]:
    """Draw ``quality-time-TASK-LEVEL`` per task level, a panel per dataset; levels without two points are left out.

    A hollow point has missing images.  Controls are not drawn: they would stretch the axes.
    """
    table = results.table
    drawn = table[
        table["primary"]
        & np.isfinite(table["mean"])
        & (table["median_seconds"] > 0)
        & ~table["method"].astype(str).isin(results.controls)
    ]
    known = looks(results)
    written: list[Path] = []
    for (task, _, level), rows in drawn.groupby(CONDITION[:3], sort=False, observed=True):
        sets = [group for _, group in rows.groupby("dataset", sort=False, observed=True) if len(group) > 1]
        if not sets:
            continue
        with styled():
            figure, axes = panels(len(sets), title=condition(str(task), str(level)))
            for place, group in zip(axes, sets, strict=True):
                _name(place, group, bars=_panel(place, group, results, known))
            written += save(figure, Path(folder) / f"quality-time-{slug(str(task), str(level))}")
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
        values = _values(results, row)
        interval = bootstrap_mean(values, resamples=2000)
        shown = len(values) >= FEWEST and np.isfinite(interval.low)
        bars.append((interval.low, interval.high) if shown else (y[n], y[n]))
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
    images = int(rows["images"].max())
    axes.set_title(f"{rows['dataset'].iloc[0]} ({images} image{'s' if images != 1 else ''})")
    indicative = "" if rows["timing_valid"].all() else ", indicative"
    axes.set_xlabel(f"seconds per image (median{indicative})")
    pair = (str(rows["metric"].iloc[0]), str(rows["protocol"].iloc[0]))
    axes.set_ylabel(with_unit(metric_titles([pair])[pair], str(rows["unit"].iloc[0] or ""), None))
    return bars


def _name(axes: Axes, rows: pd.DataFrame, *, bars: list[tuple[float, float]]) -> None:
    points = list(zip(rows["median_seconds"].astype(float), rows["mean"].astype(float), strict=True))
    colours = [look(str(method)).colour for method in rows["method"]]
    counts = ["" if ok == cells else f" ({ok}/{cells})" for ok, cells in zip(rows["ok"], rows["cells"], strict=True)]
    texts = [f"{label}{count}" for label, count in zip(rows["method_label"], counts, strict=True)]
    label_points(axes, points, texts, colours, bars)


def _values(results: Results, row: pd.Series) -> np.ndarray:
    """The values behind one mean, one per image."""
    frame = results.frame
    mine = np.ones(len(frame), bool)
    for name in ("task", "task_params", "level", "dataset", "method_label", "method_params", "metric", "protocol"):
        mine &= (frame[name] == row[name]).to_numpy(bool)
    rows = frame[mine & (frame["status"] == "ok").to_numpy(bool)]
    values = pd.to_numeric(rows["value"], errors="coerce").astype("float64")
    return values.groupby(rows["image"].astype(str)).mean().to_numpy()
