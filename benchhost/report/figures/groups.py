"""What every figure shares: which rows are drawn, the axis of a metric, intervals over images."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from benchhost.report.aggregate import CONDITION
from benchhost.report.results import Results
from benchhost.report.wording import metric_titles, with_unit
from benchhost.stats import bootstrap_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST = 4
"""Images below which no interval is drawn: resampling two or three values says nothing."""


def drawn_rows(results: Results) -> pd.DataFrame:
    """Rows of the table that figures show: the primary metric, finite, no controls (they would stretch the axes)."""
    table = results.table
    return table[table["primary"] & np.isfinite(table["mean"]) & ~table["method"].astype(str).isin(results.controls)]


def by_level(rows: pd.DataFrame) -> Iterator[tuple[str, str, list[pd.DataFrame]]]:
    """(task, level, rows per data set), in the frame's order."""
    for (task, _, level), mine in rows.groupby(CONDITION[:3], sort=False, observed=True):
        yield str(task), str(level), [group for _, group in mine.groupby("dataset", sort=False, observed=True)]


def metric_label(row: pd.Series) -> str:
    """``PSNR [dB]``."""
    pair = (str(row["metric"]), str(row["protocol"]))
    unit = row["unit"]
    return with_unit(metric_titles([pair])[pair], "" if pd.isna(unit) else str(unit), None)


def panel_title(rows: pd.DataFrame) -> str:
    """``set11 (11 images)``."""
    images = int(rows["images"].max())
    return f"{rows['dataset'].iloc[0]} ({images} image{'s' if images != 1 else ''})"


def image_values(results: Results, row: pd.Series) -> np.ndarray:
    """The values behind one row of the table, one per image that has one."""
    values = results.per_image.of(int(row["group"]))
    return values[~np.isnan(values)]


def interval(results: Results, row: pd.Series) -> tuple[float, float] | None:
    """The 95 % bootstrap interval of a mean, or None for fewer than FEWEST images or infinite values."""
    return _interval(image_values(results, row).tobytes())


@lru_cache(maxsize=4096)
def _interval(values: bytes) -> tuple[float, float] | None:
    """Kept, as several figures show the same interval and resampling is a tenth of a large report."""
    numbers = np.frombuffer(values)
    found = bootstrap_mean(numbers, resamples=2000)
    return (found.low, found.high) if len(numbers) >= FEWEST and np.isfinite(found.low) else None


def thinned(positions: np.ndarray, gap: float) -> np.ndarray:
    """Indices of positions, growing, that lie at least ``gap`` apart; the last one is always kept."""
    kept: list[int] = []
    for n, position in enumerate(positions):
        while kept and n == len(positions) - 1 and position - positions[kept[-1]] < gap:
            kept.pop()
        if not kept or position - positions[kept[-1]] >= gap:
            kept.append(n)
    return np.array(kept, int)


def method_ticks(axes: Axes, labels: list[str], colours: list[str]) -> None:
    """Names of methods along y, each in its colour, the first at the top."""
    axes.set_yticks(range(len(labels)), [shortened(label) for label in labels])
    axes.set_ylim(len(labels) - 0.4, -0.6)
    axes.grid(visible=False, axis="y")
    for text, colour in zip(axes.get_yticklabels(), colours, strict=True):
        text.set_color(colour)


def shortened(label: str, most: int = 22) -> str:
    """A label that fits beside a panel: its beginning and its end, where settings of one method differ."""
    if len(label) <= most:
        return label
    end = (most - 1) // 2
    return f"{label[: most - 1 - end]}…{label[len(label) - end :]}"
