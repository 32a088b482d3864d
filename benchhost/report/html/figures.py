"""Figures in a report: those that the figure reporter draws, with their sizes and a text for those who cannot see."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from benchhost.report.results import Results
from benchhost.report.wording import condition, slug

MOST_LEVELS = 12
"""Task levels that get figures: drawing one takes about a second."""

MOST_POINTS = 20_000
"""Values, image by image, that are drawn as dots: further levels get no such figures."""

_KINDS = {
    "quality-time": "Quality against time",
    "quality-level": "Quality against level",
    "convergence": "Convergence",
    "paired": "Image by image",
    "box": "Spread over images",
    "memory": "Memory",
    "ranks": "Ranks",
}
_ABOUT = {
    "quality-time": "Mean of the primary metric against median seconds per image, one point per method; bars are 95 %"
    " bootstrap intervals, a hollow point has missing images.",
    "quality-level": "Mean of the primary metric over the levels of the task, one line per method.",
    "convergence": "Primary metric of the iterates that methods offered, mean over images with a band.",
    "paired": "A dot per image and method, those of one image joined; methods from worst to best.",
    "box": "Quartiles with whiskers of 1.5 interquartile ranges, every image as a dot.",
    "memory": "Largest resident memory of each method.",
    "ranks": "Mean rank of each method over conditions; methods joined by a bar do not differ significantly.",
}


@dataclass(frozen=True, kw_only=True)
class Picture:
    """A figure of the report: PNG shown, PDF linked (None where there is none).

    size: width and height in pixels; level: (task, level) it belongs to, (task, "") or ("", "").
    """

    png: Path
    pdf: Path | None
    title: str
    about: str
    size: tuple[int, int]
    level: tuple[str, str]


def figures(results: Results, folder: Path) -> tuple[list[Picture], str]:
    """Draw what the figure reporter draws, of as many levels as time allows; and a remark on what was left out."""
    from benchhost.report.figures.curves import convergence
    from benchhost.report.figures.images import boxes, paired_dots
    from benchhost.report.figures.scatter import quality_time
    from benchhost.report.figures.write import FIGURES

    rows = results.table[results.table["primary"]]
    points = rows.groupby([rows["task"].astype(str), rows["level"].astype(str)], sort=False)["images"].sum()
    levels = list(points.index)
    shown = levels[:MOST_LEVELS]
    dotted = list(points.index[(points.cumsum() <= MOST_POINTS).to_numpy()])[:MOST_LEVELS]
    which = {quality_time: shown, convergence: shown, paired_dots: dotted, boxes: dotted}
    parts = {tuple(some): _of(results, some) for some in (levels, shown, dotted)}  # each is aggregated once
    paths = [path for draw in FIGURES for path in draw(parts[tuple(which.get(draw, levels))], folder)]
    drawn = [_picture(path, levels, set(paths)) for path in paths if path.suffix == ".png"]
    note = ""
    if len(dotted) < len(levels):
        note = (
            f"Of {len(levels)} task levels the first {len(shown)} have figures, the first {len(dotted)} also figures"
            " of single images; report --to figures draws all."
        )
    return sorted(drawn, key=lambda picture: _place(picture, levels)), note


def png_size(path: Path) -> tuple[int, int]:
    """Width and height, from the file's header."""
    with path.open("rb") as file:
        return struct.unpack(">II", file.read(24)[16:])


def _of(results: Results, levels: Sequence[tuple[str, str]]) -> Results:
    """The rows of those levels with their primary metric alone, which is all that figures are made of."""
    frame = results.frame
    wanted = pd.MultiIndex.from_tuples(levels, names=("task", "level"))
    at = pd.MultiIndex.from_arrays([frame["task"].astype(str), frame["level"].astype(str)])
    kept = frame[frame["primary"].fillna(False).to_numpy(bool) & at.isin(wanted)]
    keys = set(kept["key"])
    return replace(results, frame=kept, traces=results.traces[results.traces["key"].isin(keys)])


def _picture(path: Path, levels: Sequence[tuple[str, str]], paths: set[Path]) -> Picture:
    """A figure with the kind and the place that its name tells: ``KIND-TASK-LEVEL``, ``KIND-TASK`` or ``KIND``."""
    pdf = path.with_suffix(".pdf")
    ends = {slug(task): (task, "") for task, _ in levels} | {slug(*level): level for level in levels}
    end = max((name for name in ends if path.stem.endswith(f"-{name}")), key=len, default="")
    kind = path.stem.removesuffix(f"-{end}") if end else path.stem
    level = ends.get(end, ("", ""))
    name = _KINDS.get(kind) or kind.replace("-", " ").capitalize()
    return Picture(
        png=path,
        pdf=pdf if pdf in paths else None,
        title=f"{name}: {condition(*level)}" if end else name,
        about=_ABOUT.get(kind, ""),
        size=png_size(path),
        level=level,
    )


def _place(picture: Picture, levels: Sequence[tuple[str, str]]) -> tuple[int, int]:
    """Kinds one after the other, in each the levels in the order of the run."""
    kind = next((n for n, name in enumerate(_KINDS) if picture.png.stem.startswith(name)), len(_KINDS))
    return kind, levels.index(picture.level) if picture.level in levels else len(levels)
