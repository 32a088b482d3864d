"""Tables in the shape of those in the papers of RIM, DIP, NSR, DDNM and IDM, with the rows of a run filled in.

What is known of each paper's tables is said in ``known``; where a table could not be read the task's standard shape
stands in, and the caption says so.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from benchhost.errors import UsageError, unknown
from benchhost.report.aggregate import CONDITION
from benchhost.report.arrange import Line
from benchhost.report.bibliography import Bibliography
from benchhost.report.layout import PAPER_LINE, Extras, Layout, parse
from benchhost.report.layouts import paper_tables
from benchhost.report.model import TableModel
from benchhost.report.published import Published, published
from benchhost.report.results import Results
from benchhost.report.scored import Place, Who

STANDARD = "the paper's own table could not be read: this is the task's usual shape"


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One table of a paper.

    task: the task it is of; "" for all tasks of the run.
    layout: as ``--layout`` reads it.
    datasets: in the paper's order, by our names; () for those of the run.
    parameter, values: the levels across, in the paper's order; "" for those of the run.
    metrics: which metrics it shows; () for all.
    known: where the shape was read, or that it could not be.
    """

    task: str
    layout: str
    known: str
    datasets: tuple[str, ...] = ()
    parameter: str = ""
    values: tuple[float, ...] = ()
    metrics: tuple[str, ...] = ("psnr",)


SR = ("set5", "set14", "bsd100", "urban100", "manga109")
PAPERS: Mapping[str, tuple[Shape, ...]] = {
    "rim": (
        Shape(
            task="denoise",
            layout="levels",
            datasets=("bsd68",),
            parameter="sigma",
            values=(15, 25, 50),
            known="shape of tables 1 and 2 of the ICLR 2017 submission",
        ),
        Shape(task="sr", layout="datasets,pairs", datasets=SR, metrics=("psnr", "ssim"), known=STANDARD),
        Shape(task="mri", layout="levels,pairs", metrics=("psnr", "ssim"), known="shape of the i-RIM fastMRI tables"),
    ),
    "dip": (
        Shape(task="denoise", layout="levels", known="shape of the paper's denoising figures: one mean per method"),
        Shape(
            task="sr",
            layout="datasets",
            datasets=("set5", "set14"),
            parameter="scale",
            values=(4, 8),
            known="shape of the paper's super-resolution figures: methods by data sets",
        ),
        Shape(task="inpaint", layout="images", known="shape of the paper's inpainting table: one column per image"),
    ),
    "nsr": (
        Shape(
            task="sr",
            layout="datasets",
            datasets=("set5", "set14", "bsd100", "urban100", "manga109"),
            parameter="scale",
            values=(2, 3, 4),
            known="shape of table 4, as the authors' README repeats it, without its DIV2K column",
        ),
        Shape(
            task="denoise", layout="datasets,pairs", datasets=("set12", "bsd68", "urban100"), parameter="sigma",
            values=(15, 25, 50), metrics=("psnr", "ssim"), known=f"data sets of table 5; {STANDARD}",
        ),
        Shape(
            task="jpeg", layout="datasets,pairs", datasets=("live1", "classic5"), parameter="quality",
            values=(10, 20, 30, 40), metrics=("psnr", "ssim"), known=f"data sets of table 6; {STANDARD}",
        ),
    ),
    "ddnm": (
        Shape(task="", layout="landscape,pairs", metrics=("psnr", "ssim"), known=f"tasks side by side; {STANDARD}"),
    ),
    "idm": (
        Shape(
            task="cs",
            layout="levels",
            datasets=("set11", "cbsd68", "urban100", "div2k"),
            parameter="ratio",
            values=(0.1, 0.3, 0.5),
            known="shape of table 1: PSNR, data sets across, ratios below them",
        ),
        Shape(task="mri", layout="levels,pairs", metrics=("psnr", "ssim"), known=STANDARD),
        Shape(task="ct", layout="levels,pairs", metrics=("psnr", "ssim"), known=STANDARD),
        Shape(task="inpaint", layout="levels,pairs", metrics=("psnr", "ssim"), known=STANDARD),
    ),
}  # fmt: skip


def paper(
    name: str, results: Results, bibliography: Bibliography, *, reported: bool = False, spread: bool | None = None
) -> list[TableModel]:
    """The tables of a paper that the run has cells for.

    Of a shape's data sets and levels those are shown that the run has, with ``reported`` also those that were
    published; a run that has none of them is shown as it is, in the same shape.  Raises UsageError where the run has
    none of the paper's tasks.
    """
    if name not in PAPERS:
        raise unknown("paper", name, PAPERS)
    lines = published_lines(paper=name) if reported else []
    models = []
    for shape in PAPERS[name]:
        chosen, places = _chosen(results, shape, lines)
        if chosen is None:
            continue
        extras = Extras(
            bibliography=bibliography,
            lines=lines,
            places=places,
            name=name,
            what=f"Layout after {name.upper()}: {shape.known}.",
        )
        layout = parse(shape.layout, spread=bool(spread))
        line = None if layout.shape == "landscape" else PAPER_LINE
        models += paper_tables(chosen, layout, extras=extras, line=line)
    if not models:
        wanted = ", ".join(shape.task for shape in PAPERS[name])
        raise UsageError(f"the run has no cells of the tasks of --paper {name} ({wanted})")
    return models


def chosen_tables(results: Results, options: Mapping[str, Any], bibliography: Bibliography) -> list[TableModel]:
    """The tables that the options of a reporter ask for; without any, methods by levels and the times."""
    reported = bool(options.get("reported"))
    spread = options.get("spread")
    if options.get("paper"):
        return paper(str(options["paper"]), results, bibliography, reported=reported, spread=spread)
    chosen = options.get("layout")
    layout = parse(str(chosen), spread=spread) if chosen else Layout(spread=spread is not False)
    lines = published_lines() if reported else ()
    return paper_tables(
        results, layout, extras=Extras(bibliography=bibliography, lines=lines), times=not chosen and not reported
    )


def published_lines(*, paper: str = "") -> list[Line]:
    """Every published method as a line of a table; with ``paper`` those of the tables that belong to it."""
    groups: dict[tuple[str, str, str], list[Published]] = {}
    for table in published():
        if not paper or paper in table.papers:
            for method in table.rows:
                groups.setdefault((table.source, table.note, method), []).append(table)
    return [
        Line(who=Who(f"published:{source}", note, method), cite=(source,), published=tuple(tables))
        for (source, note, method), tables in groups.items()
    ]


def _chosen(results: Results, shape: Shape, lines: Sequence[Line]) -> tuple[Results | None, list[Place]]:
    """The run's rows that belong into the shape, and places of the shape that only published rows fill."""
    frame, table = results.frame, results.table
    kept = (frame["metric"].isin(shape.metrics)).to_numpy(bool)
    if shape.task:
        kept = kept & (frame["task"] == shape.task).to_numpy(bool)
    ours = [Place(*map(str, p)) for p in table[CONDITION].drop_duplicates().itertuples(index=False, name=None)]
    ours = [place for place in ours if not shape.task or place.task == shape.task]
    if not kept.any() or not ours:
        return None, []
    wanted = [place for place in ours if _within(place, shape)]
    if wanted and wanted != ours:
        for name in ("level", "dataset"):
            kept = kept & frame[name].isin({getattr(place, name) for place in wanted}).to_numpy(bool)
    order = {name: n for n, name in enumerate(shape.datasets)}
    rows = frame[kept]
    if shape.datasets:
        place_of = rows["dataset"].astype(str).map(lambda name: order.get(name, len(order)))
        rows = rows.iloc[place_of.argsort(kind="stable")]
    empty = [place for place in _places(shape) if not any(_same(place, one) for one in ours)] if wanted else []
    empty = [place for place in empty if any(line.has(place, shape.metrics) for line in lines)]
    return Results(frame=rows, run=results.run), empty


def _within(place: Place, shape: Shape) -> bool:
    """Whether the shape has this data set and level."""
    if shape.datasets and place.dataset not in shape.datasets:
        return False
    if not shape.parameter:
        return True
    value = json.loads(place.task_params or "{}").get(shape.parameter)
    return any(str(value) == str(v) or value == v for v in shape.values)


def _places(shape: Shape) -> list[Place]:
    """All places of the shape."""
    return [
        Place(shape.task, json.dumps({shape.parameter: value}), f"{shape.parameter}={value:g}", dataset)
        for dataset in shape.datasets
        for value in shape.values
    ]


def _same(one: Place, other: Place) -> bool:
    return (one.dataset, one.level) == (other.dataset, other.level)
