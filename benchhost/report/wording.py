"""How things are called in reports: metrics, conditions, holes, failures."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import pandas as pd

METRIC_NAMES = {"psnr": "PSNR", "ssim": "SSIM", "nmse": "NMSE", "psnr_b": "PSNR-B", "lpips": "LPIPS", "mae": "MAE"}
HOLE_TEXT = {
    "failed": "failed",
    "crashed": "crashed",
    "oom": "OOM",
    "timeout": "T/O",
    "pending": "pending",
    "skipped": "n/a",
    "unavailable": "n/a",
}
ORDER = ("failed", "crashed", "oom", "timeout", "unavailable", "pending", "skipped")
_VERSION = re.compile(r"@\d+$")
_SHAVE = re.compile(r"/shave\d+$")


def family(protocol: str) -> str:
    """The protocol without version and border, so that x2, x3 and x4 share a column: ``255/clip_round``."""
    return _SHAVE.sub("", _VERSION.sub("", protocol))


def metric_titles(pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """Title per (metric, protocol): the metric's name, with its protocol where one name has several."""
    pairs = list(dict.fromkeys(pairs))
    families: dict[str, set[str]] = {}
    for metric, protocol in pairs:
        families.setdefault(metric, set()).add(family(protocol))
    return {
        (metric, protocol): _named(metric) + (f" ({family(protocol)})" if len(families[metric]) > 1 else "")
        for metric, protocol in pairs
    }


def _named(metric: str) -> str:
    return METRIC_NAMES.get(metric, metric)


def with_unit(title: str, unit: str, higher_is_better: bool | None) -> str:
    """``PSNR [dB] ↑``."""
    arrow = {True: " ↑", False: " ↓", None: ""}[higher_is_better]
    return f"{title}{f' [{unit}]' if unit else ''}{arrow}"


def condition(task: str, level: str) -> str:
    """``cs ratio=0.1``; the level ``default`` of a task without parameters goes without saying."""
    return task if level in ("", "default") else f"{task} {level}"


_LEVELS = {
    "ratio": lambda value: f"{100 * value:g} %",
    "keep": lambda value: f"{100 * value:g} % kept",
    "sigma": lambda value: f"σ = {value:g}",
    "scale": lambda value: f"×{value:g}",
    "acceleration": lambda value: f"{value:g}-fold",
    "views": lambda value: f"{value:g} views",
    "quality": lambda value: f"Q {value:g}",
}
"""How the levels of the standard tasks are written in papers, by the parameter's name."""


def level_title(level: str) -> str:
    """``ratio=0.1,operator=mri`` as papers write it: ``10 %, operator=mri``; the default level has no title."""
    if level in ("", "default"):
        return ""
    return ", ".join(_level(part) for part in level.split(","))


def _level(part: str) -> str:
    name, _, value = part.partition("=")
    try:
        return _LEVELS[name](float(value))
    except (KeyError, ValueError):
        return part


def slug(*parts: str) -> str:
    """A name for files and labels: letters, digits, dots and dashes."""
    return re.sub(r"[^a-z0-9.]+", "-", "-".join(parts).lower()).strip("-.") or "table"


def failure_lines(cells: pd.DataFrame, *, most: int = 20) -> list[str]:
    """One line per kind of failure: how many of how many cells, which method, why, where; the serious ones first.

    cells: one row per cell (:attr:`Results.cells`); cells that are ok are not mentioned.
    """
    bad = cells[cells["status"] != "ok"]
    if bad.empty:
        return []
    totals = cells["method_label"].value_counts()
    bad = bad.assign(reason=bad["reason"].astype("object").fillna("").map(first_line))
    kind = ["status", "method_label", "reason"]
    counts = bad.groupby(kind, observed=True, sort=False).size().reset_index(name="count")
    counts["rank"] = counts["status"].map(_seriousness)
    counts = counts.sort_values(["rank", "count"], ascending=[True, False], kind="stable")
    lines = []
    for entry in counts.head(most).itertuples(index=False):
        mine = bad[(bad["status"] == entry.status) & (bad["method_label"] == entry.method_label)]
        mine = mine[mine["reason"] == entry.reason]
        where = _places(mine, with_images=entry.rank < _seriousness("pending"))
        share = f"{entry.count} of {totals[entry.method_label]}"
        why = entry.reason or "no reason recorded"
        lines.append(f"{entry.status:<8} {share}  {entry.method_label}: {why} ({where})")
    if len(counts) > most:
        lines.append(f"... and {len(counts) - most} more kinds of failure; every one is in the exported frame")
    return lines


def _places(cells: pd.DataFrame, *, with_images: bool) -> str:
    """``cs ratio=0.1 on set11: cameraman and 2 more; denoise on set12``."""
    places = []
    for (task, level, dataset), rows in cells.groupby(["task", "level", "dataset"], observed=True, sort=False):
        images = list(dict.fromkeys(rows["image"].astype(str)))
        place = f"{condition(str(task), str(level))} on {dataset}"
        places.append(f"{place}: {listed(images, most=2)}" if with_images else place)
    return "; ".join(places[:3]) + (f"; and {len(places) - 3} more places" if len(places) > 3 else "")


def unavailable_lines(frame: pd.DataFrame, *, most: int = 5) -> list[str]:
    """Metrics without a value on cells that are ok: which, how often, why."""
    rows = frame[(frame["status"] == "ok") & frame["value"].isna()]
    if rows.empty:
        return []
    rows = rows.assign(reason=rows["reason"].astype("object").fillna(""))
    counts = rows.groupby(["metric", "protocol", "task", "reason"], observed=True, sort=False).size()
    lines = [
        f"no value {count} cells  {metric}/{protocol} on {task}: {first_line(reason) or 'no reason recorded'}"
        for (metric, protocol, task, reason), count in counts.iloc[:most].items()
    ]
    return lines + ([f"... and {len(counts) - most} more"] if len(counts) > most else [])


def first_line(text: object, most: int = 160) -> str:
    """The first line of a reason, shortened."""
    line = str(text).strip().splitlines()[0] if str(text).strip() else ""
    return line if len(line) <= most else f"{line[: most - 1]}…"


def listed(values: Sequence[str], most: int = 4) -> str:
    """``a, b and c``; long lists are cut with the count of the rest."""
    values = list(values)
    if len(values) > most:
        return f"{', '.join(values[:most])} and {len(values) - most} more"
    return values[0] if len(values) == 1 else f"{', '.join(values[:-1])} and {values[-1]}" if values else ""


def _seriousness(status: str) -> int:
    return ORDER.index(status) if status in ORDER else 0
