"""Convergence: the iterates a method offered, median over images with the quartiles, and what it selected."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from benchhost.report.aggregate import CONDITION
from benchhost.report.figures.style import Look, looks, panels, save, styled
from benchhost.report.results import Results
from benchhost.report.wording import condition, metric_titles, slug, with_unit

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def convergence(results: Results, folder: Path, *, width: float | None = None) -> list[Path]:
    """Draw ``convergence-TASK-LEVEL`` per task level that has traces, a panel per dataset.

    Drawn is the task's primary metric, of methods that offered more than one iterate.  A curve ends where fewer than
    half of the images still iterate: a median over the few that go on longest would jump.  The star is the peak, the
    median over images of the best iterate and of its step: what stopping at the right moment would have given.  The
    filled marker on the dotted line is what the method returned by its own rule, at the step it comes from.
    """
    if results.traces.empty:
        return []
    cells = results.frame[results.frame["primary"].astype("boolean").fillna(False)]
    cells = cells.drop_duplicates("key").rename(columns={"value": "selected", "metric": "of", "seconds": "took"})
    traces = results.traces.merge(cells, on="key", how="inner")
    primary = traces["of"].astype(str) + "/" + traces["protocol"].astype(str).str.replace(r"@\d+$", "", regex=True)
    traces = traces[traces["metric"].astype(str) == primary]  # methods may trace their residual and more
    traces = traces[traces.groupby("method_label", observed=True)["step"].transform("nunique") > 1]
    known = looks(results)
    written: list[Path] = []
    for (task, _, level), rows in traces.groupby(CONDITION[:3], sort=False, observed=True):
        sets = [group for _, group in rows.groupby("dataset", sort=False, observed=True)]
        with styled():
            figure, axes = panels(len(sets), title=condition(str(task), str(level)), width=width)
            for place, group in zip(axes, sets, strict=True):
                _panel(place, group, known)
            written += save(figure, Path(folder) / f"convergence-{slug(str(task), str(level))}")
    return written


def bands(rows: pd.DataFrame) -> pd.DataFrame:
    """Quartiles over images by step (columns low, middle, high), as long as half of the images still iterate."""
    by_step = rows.groupby("step")["value"]
    out = pd.DataFrame({"low": by_step.quantile(0.25), "middle": by_step.median(), "high": by_step.quantile(0.75)})
    enough = by_step.count() >= rows["key"].nunique() / 2
    return out[enough].sort_index()


def stops(rows: pd.DataFrame) -> dict[str, float]:
    """Medians over images: the peak and its step, what was selected, and the step it comes from.

    rows: traced values with key, step, value, higher_is_better and the selected value of the cell.  The step of the
    selected value is that of the traced iterate nearest to it, the latest of equally near ones.
    """
    rows = rows.assign(
        value=pd.to_numeric(rows["value"]).astype("float64"),
        selected=pd.to_numeric(rows["selected"], errors="coerce").astype("float64"),
    ).sort_values("step", kind="stable")
    rows["far"] = (rows["value"] - rows["selected"]).abs()
    better = bool(rows["higher_is_better"].iloc[0])
    peaks = rows.sort_values("value", kind="stable", ascending=not better).drop_duplicates("key")
    nearest = rows.iloc[::-1].sort_values("far", kind="stable").drop_duplicates("key")
    return {
        "peak": float(peaks["value"].median()),
        "peak_step": float(peaks["step"].median()),
        "selected": float(nearest["selected"].median()),
        "selected_step": float(nearest["step"].median()),
    }


def _panel(axes: Axes, rows: pd.DataFrame, known: Mapping[str, Look]) -> None:
    for label, mine in rows.groupby("method_label", sort=False, observed=True):
        drawn = known[str(label)]
        band = bands(mine.assign(value=pd.to_numeric(mine["value"]).astype("float64")))
        axes.fill_between(band.index, band["low"], band["high"], color=drawn.colour, alpha=0.18, linewidth=0)
        axes.plot(band.index, band["middle"], color=drawn.colour, linestyle=drawn.line, label=str(label))
        found = stops(mine)
        axes.axhline(found["selected"], color=drawn.colour, linestyle=":", linewidth=0.9)
        marker = {"linestyle": "", "color": drawn.colour, "zorder": 4, "clip_on": False}
        axes.plot(found["selected_step"], found["selected"], drawn.marker, markersize=5, **marker)
        axes.plot(found["peak_step"], found["peak"], "*", markersize=8.5, markerfacecolor="white", **marker)
    first = rows.iloc[0]
    pair = (str(first["of"]), str(first["protocol"]))
    axes.set_ylabel(with_unit(metric_titles([pair])[pair], str(first["unit"] or ""), None))
    axes.set_xlabel("iteration")
    images = rows["image"].nunique()
    axes.set_title(f"{first['dataset']} ({images} image{'s' if images != 1 else ''})")
    dotted = {"color": "#555555", "linestyle": ":", "linewidth": 0.9}
    axes.plot([], [], marker="o", markersize=5, label="selected (median)", **dotted)
    axes.plot([], [], "*", color="#555555", markerfacecolor="white", markersize=8, label="peak (median)")
    axes.legend(loc="best")
