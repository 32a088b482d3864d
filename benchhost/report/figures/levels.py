"""Quality against level: PSNR over the CS ratio, the noise, the scale, as rate-distortion curves are drawn."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchhost.report.figures.groups import drawn_rows, interval, metric_label, panel_title, thinned
from benchhost.report.figures.style import Look, legend_below, looks, panels, save, styled
from benchhost.report.results import Results
from benchhost.report.wording import level_title, slug

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NAMES = {
    "ratio": "sampling ratio",
    "sigma": "noise σ",
    "scale": "scale",
    "acceleration": "acceleration",
    "views": "views",
    "quality": "JPEG quality",
    "keep": "pixels kept",
}


def quality_level(results: Results, folder: Path, *, width: float | None = None) -> list[Path]:
    """Draw ``quality-level-TASK`` per task that ran at two levels or more of one parameter, a panel per dataset.

    Bands are 95 % bootstrap intervals of the mean over images, the fainter the more there are.  A hollow point has
    missing images.
    """
    known = looks(results)
    written: list[Path] = []
    for task, rows in drawn_rows(results).groupby("task", sort=False, observed=True):
        name = varied(rows)
        if name is None:
            continue
        rows = rows.assign(x=[_parameter(text, name) for text in rows["task_params"]])
        sets = [group for _, group in rows.groupby("dataset", sort=False, observed=True) if group["x"].nunique() > 1]
        if not sets:
            continue
        with styled():
            figure, axes = panels(len(sets), title=str(task), width=width, below=_rows_of_legend(sets))
            labels = {}
            for place, group in zip(axes, sets, strict=True):
                labels |= _panel(place, group, results, known, name)
            legend_below(figure, labels)
            written += save(figure, Path(folder) / f"quality-level-{slug(str(task))}")
    return written


def varied(rows: pd.DataFrame) -> str | None:
    """The one numeric task parameter that varies, or None where none or several do."""
    seen: dict[str, set[str]] = {}
    for text in rows["task_params"].unique():
        for name, value in json.loads(text or "{}").items():
            seen.setdefault(name, set()).add(json.dumps(value))
    found = [name for name, values in seen.items() if len(values) > 1]
    if len(found) != 1:
        return None
    try:
        [_parameter(text, found[0]) for text in rows["task_params"].unique()]
    except (KeyError, TypeError, ValueError):
        return None
    return found[0]


def _panel(axes: Axes, rows: pd.DataFrame, results: Results, known: Mapping[str, Look], name: str) -> dict[str, object]:
    handles = {}
    faint = min(0.14, 0.5 / rows["method_label"].nunique())
    for label, mine in rows.groupby("method_label", sort=False, observed=True):
        mine = mine.sort_values("x")
        drawn = known[str(label)]
        bounds = [interval(results, row) or (row["mean"], row["mean"]) for _, row in mine.iterrows()]
        low, high = np.array(bounds).T
        axes.fill_between(mine["x"], low, high, color=drawn.colour, alpha=faint, linewidth=0)
        (handle,) = axes.plot(
            mine["x"], mine["mean"], color=drawn.colour, linestyle=drawn.line, marker=drawn.marker, markersize=4.5
        )
        holes = mine[mine["ok"] < mine["cells"]]
        axes.plot(holes["x"], holes["mean"], drawn.marker, color=drawn.colour, markerfacecolor="white", markersize=4.5)
        handles[str(label)] = handle
    positions = np.sort(rows["x"].unique())
    titles = {x: level_title(f"{name}={x:g}").removeprefix("σ = ").removeprefix("Q ") for x in positions}
    kept = positions[thinned(positions, 0.11 * (positions[-1] - positions[0]))]
    axes.set_xticks(kept, [titles[x] for x in kept])
    axes.set_xlabel(NAMES.get(name, name))
    axes.set_ylabel(metric_label(rows.iloc[0]))
    axes.set_title(panel_title(rows))
    return handles


def _rows_of_legend(sets: list[pd.DataFrame]) -> int:
    return len(dict.fromkeys(str(label) for group in sets for label in group["method_label"]))


def _parameter(text: str, name: str) -> float:
    return float(json.loads(text)[name])
