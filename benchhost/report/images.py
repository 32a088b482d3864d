"""Tables of single images: methods down, the images of one data set across, the mean last."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from benchhost.report.arrange import Across, Line, arranged, divided, with_body
from benchhost.report.caption import caption
from benchhost.report.layout import Extras, Layout
from benchhost.report.model import Cell, TableModel, number
from benchhost.report.ranking import rank
from benchhost.report.results import Results
from benchhost.report.scored import Place, Scored, scored, without_spread
from benchhost.report.wording import HOLE_TEXT, level_title, slug


def image_tables(results: Results, task: str, rows: pd.DataFrame, extras: Extras, line: int) -> list[TableModel]:
    """Methods down, images across, the mean last; a table per condition.  Best and second by image, nothing tested."""
    models = []
    for place, at in rows.groupby(list(Place._fields), sort=False, observed=True):
        place = Place(*map(str, place))
        means = scored(results, at)
        title = next(iter(means.titles))
        records = at.to_dict("records")
        images, values = results.per_image.matrix(int(row["group"]) for row in records)
        eligible = [str(row["method"]) not in results.controls for row in records]
        cells = dict(means.cells)
        across = []
        for n, image in enumerate(images):
            name = str(results.per_image.names[image])
            column = [_value(v, row) for v, row in zip(values[n], records, strict=True)]
            better = means.titles[title]
            if better is not None:
                column = rank(column, higher_is_better=better, eligible=eligible)
            own = place._replace(level=f"{place.level} {name}")
            cells |= {(own, who, title): cell for who, cell in zip(means.methods, column, strict=True)}
            across.append(Across(places=(own,), keys=((own, title),), groups=(), titles=(name,), whole=name))
        across.append(Across(places=(place,), keys=((place, title),), groups=(), titles=("mean",), whole="mean"))
        model = TableModel(
            name=slug(extras.name, task, place.level, place.dataset, "images"),
            title=" · ".join(part for part in (task, level_title(place.level), place.dataset, title) if part),
            columns=(),
            rows=(),
        )
        whole = replace(means, cells={key: without_spread(cell) for key, cell in cells.items()})
        models += _images_parts(results, whole, model, across, title, extras, line, at)
    return models


def _images_parts(
    results: Results,
    found: Scored,
    model: TableModel,
    across: list[Across],
    title: str,
    extras: Extras,
    line: int,
    rows: pd.DataFrame,
) -> list[TableModel]:
    who = [Line(who=who, cite=extras.bibliography.keys(f"method:{who.method}")) for who in found.methods]
    layout = Layout(shape="images")
    parts = divided(found, who, across, [title], layout, line)
    dataset = str(rows["dataset"].iloc[0])
    keys = extras.bibliography.keys(f"dataset:{dataset}")
    models = []
    for n, (lines, part) in enumerate(parts, 1):
        body = arranged(found, lines, part, [title], layout, controls=results.controls)
        said = caption(
            results,
            rows,
            what=title.rstrip(" ↑↓"),
            times=False,
            values="Values are of single images.",
            note=extras.what,
        )
        models.append(
            with_body(
                model,
                body,
                part=n if len(parts) > 1 else None,
                caption=said,
                datasets={dataset: keys} if keys else {},
            )
        )
    return models


def _value(value: float, row: dict[str, object]) -> Cell:
    if value != value:
        return Cell(text=HOLE_TEXT.get(str(row["hole"]), "n/a"), style="muted", reason=str(row["reason"]))
    return Cell(text=number(value, int(row["decimals"])), value=float(value))
