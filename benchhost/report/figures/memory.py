"""Memory: the largest resident set of a cell per method, and of device memory where a GPU was used."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchhost.report.figures.groups import drawn_rows, method_ticks
from benchhost.report.figures.images import BESIDE
from benchhost.report.figures.style import looks, panels, save, styled
from benchhost.report.results import Results
from benchhost.report.wording import slug


def memory_bars(results: Results, folder: Path, *, width: float | None = None) -> list[Path]:
    """Draw ``memory-TASK``: a bar per method, the largest of all levels and data sets of the task."""
    known = looks(results)
    written: list[Path] = []
    for task, rows in drawn_rows(results).groupby("task", sort=False, observed=True):
        kinds = [("peak_mb", "peak resident memory [GB]"), ("vram_mb", "peak device memory [GB]")]
        largest = rows.groupby("method_label", sort=False, observed=True)[[name for name, _ in kinds]].max() / 1024
        kinds = [(name, text) for name, text in kinds if (largest[name] > 0).any()]
        if not kinds:
            continue
        with styled():
            tall = 0.2 + 0.2 * len(largest)
            figure, axes = panels(len(kinds), title=str(task), width=width, height=tall, left=BESIDE)
            for place, (name, text) in zip(axes, kinds, strict=True):
                values = largest[name].sort_values()
                labels = values.index.astype(str).tolist()
                colours = [known[label].colour for label in labels]
                place.barh(np.arange(len(values)), values.fillna(0), color=colours, height=0.62)
                for n, value in enumerate(values):
                    said = f"{value:.2f}" if value == value else "not measured"
                    place.annotate(said, (value if value == value else 0, n), (3, 0), textcoords="offset points",
                                   va="center", fontsize=7)  # fmt: skip
                place.set_xlim(0, 1.16 * float(values.max()))
                method_ticks(place, labels, colours)
                place.set_xlabel(text)
            written += save(figure, Path(folder) / f"memory-{slug(str(task))}")
    return written
