"""Tables for papers: methods by levels, by data sets, by images, several tasks side by side, or turned."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import pandas as pd

from benchhost.errors import UsageError
from benchhost.report.arrange import Across, Line, arranged, divided, with_body
from benchhost.report.caption import MEAN, MEAN_SD, caption
from benchhost.report.images import image_tables
from benchhost.report.layout import LANDSCAPE_LINE, LINE, SHAPES, Extras, Layout, parse
from benchhost.report.model import Cell, TableModel, seconds
from benchhost.report.results import Results
from benchhost.report.scored import LEAK, Place, Scored, Who, joined, scored
from benchhost.report.wording import HOLE_TEXT, slug


def wide_tables(results: Results, *, line: int = LINE) -> list[TableModel]:
    """Methods down, levels under data sets across, per task and metric; then the times.

    A table of more than ``line`` characters across is divided, between datasets where it can be.
    """
    return paper_tables(results, Layout(spread=True), line=line, times=True)


def paper_tables(
    results: Results, layout: Layout, *, extras: Extras | None = None, line: int | None = None, times: bool = False
) -> list[TableModel]:
    """The tables of a layout: one per task and metric, or per task (pairs), data set (images) or in all (landscape)."""
    extras = extras or Extras()
    line = line or (LANDSCAPE_LINE if layout.shape == "landscape" else LINE)
    table = results.table
    models: list[TableModel] = []
    if layout.shape == "landscape":
        return _landscape(results, table, layout, extras, line)
    for task, rows in table.groupby("task", sort=False, observed=True):
        if layout.shape == "images":
            models += image_tables(results, str(task), rows[rows["primary"]], extras, line)
            continue
        found = scored(results, rows)
        models += _of_task(results, str(task), found, layout, extras, line)
        if times:
            models += _times(results, str(task), rows[rows["primary"]], extras, line)
    return models


def _of_task(results: Results, task: str, found: Scored, layout: Layout, extras: Extras, line: int) -> list[TableModel]:
    titles = list(found.titles)
    groups = [_pair(found)] if layout.pairs else [[title] for title in titles]
    models = []
    for chosen in groups:
        here = [p for p in found.places if any((p, who, chosen[0]) in found.cells for who in found.methods)]
        places = by_dataset([*here, *(p for p in extras.places if p.task == task and p not in here)])
        what = " / ".join(title.rstrip(" ↑↓") for title in chosen)
        model = TableModel(
            name=slug(extras.name, task, what.partition(" [")[0] if len(chosen) == 1 else "pairs"),
            title=f"{task}: {' / '.join(chosen)}",
            columns=(),
            rows=(),
        )
        models += _parts(results, found, model, places, chosen, layout, extras, line, what)
    return models


def _parts(
    results: Results,
    found: Scored,
    model: TableModel,
    places: Sequence[Place],
    titles: Sequence[str],
    layout: Layout,
    extras: Extras,
    line: int,
    what: str,
) -> list[TableModel]:
    """The table, divided where it is too wide."""
    who = [Line(who=who, cite=extras.bibliography.keys(f"method:{who.method}")) for who in found.methods]
    wanted = [found.metrics[title] for title in titles]
    shown = [published for published in extras.lines if any(published.has(place, wanted) for place in places)]
    if layout.shape == "transposed" and shown:
        raise UsageError("reported rows need methods down: leave out --reported, or the layout 'transposed'")
    for published in shown:
        extras.bibliography.entry(published.cite[0])
    who += shown
    parts = divided(found, who, places, titles, layout, line)
    models = []
    for n, (lines, part) in enumerate(parts, 1):
        body = arranged(found, lines, part, titles, layout, controls=results.controls)
        mine = found.rows[
            [title in titles for title in found.heads]
            & pd.MultiIndex.from_frame(found.rows[list(Place._fields)].astype(str)).isin(_places_of(part))
        ]
        said = caption(
            results, mine, what=what, times=False, values=MEAN_SD if layout.spread else MEAN, note=extras.what
        )
        models.append(
            with_body(
                model,
                body,
                part=n if len(parts) > 1 else None,
                caption=said,
                datasets={
                    name: keys
                    for name in dict.fromkeys(place.dataset for place in _places_of(part))
                    if (keys := extras.bibliography.keys(f"dataset:{name}"))
                },
                landscape=layout.shape == "landscape",
            )
        )
    return models


def _places_of(part: Sequence[Across]) -> list[Place]:
    return list(dict.fromkeys(place for across in part for place in across.places))


def _pair(found: Scored) -> list[str]:
    """The two metrics of a pair: the primary one, and the next that is another one and ranked."""
    first = next(iter(found.titles))
    others = [
        t for t, better in found.titles.items() if better is not None and found.metrics[t] != found.metrics[first]
    ]
    return [first, *others[:1]]


def _landscape(results: Results, table: pd.DataFrame, layout: Layout, extras: Extras, line: int) -> list[TableModel]:
    """Every task across, each by its primary metric, or by its pair."""
    parts = []
    for _, rows in table.groupby("task", sort=False, observed=True):
        found = scored(results, rows)
        wanted = _pair(found) if layout.pairs else [next(iter(found.titles))]
        parts.append(scored(results, rows[[title in wanted for title in found.heads]]))
    if not parts:
        return []
    found = joined(parts)
    titles = list(found.titles)
    extra = [place for place in extras.places if place not in found.places]
    model = TableModel(name=slug(extras.name, "tasks"), title="tasks", columns=(), rows=(), landscape=True)
    what = " / ".join(title.rstrip(" ↑↓") for title in titles)
    places = sorted([*found.places, *extra], key=_in_order(found.places))
    return _parts(results, found, model, places, titles, layout, extras, line, what)


def _in_order(places: Sequence[Place]) -> Callable[[Place], tuple[int, int]]:
    """Tasks in their order, and within each the data sets in theirs."""
    tasks = list(dict.fromkeys(place.task for place in places))
    sets = list(dict.fromkeys(place.dataset for place in places))
    return lambda place: (
        tasks.index(place.task) if place.task in tasks else len(tasks),
        sets.index(place.dataset) if place.dataset in sets else len(sets),
    )


def _times(results: Results, task: str, rows: pd.DataFrame, extras: Extras, line: int) -> list[TableModel]:
    """Median seconds per image, laid out as the scores."""
    found = scored(results, rows)
    title = "time [s]"
    cells = {}
    for row in rows.to_dict("records"):
        place = Place(*(str(row[name]) for name in Place._fields))
        who = Who(str(row["method"]), str(row["method_params"]), str(row["method_label"]))
        taken = row["median_seconds"]
        hole = Cell(text=HOLE_TEXT.get(row["hole"], "n/a"), style="muted", reason=str(row["reason"]))
        cells[place, who, title] = hole if taken != taken else Cell(text=seconds(taken), value=float(taken))
    timed = replace(found, cells=cells, titles={title: None}, metrics={title: ""})
    who = [Line(who=who, cite=extras.bibliography.keys(f"method:{who.method}")) for who in found.methods]
    layout = Layout()
    parts = divided(timed, who, by_dataset(found.places), [title], layout, line)
    models = []
    for n, (lines, part) in enumerate(parts, 1):
        body = arranged(timed, lines, part, [title], layout, controls=results.controls)
        models.append(
            TableModel(
                name=slug(task, "time", *([str(n)] if len(parts) > 1 else [])),
                title=f"{task}: time [s]",
                columns=body.columns,
                rows=body.rows,
                caption=caption(results, rows, what="Seconds per image, median", scores=False),
            )
        )
    return models


def by_dataset(places: Sequence[Place]) -> list[Place]:
    """Places with those of one data set together, in the order in which data sets appear."""
    order = list(dict.fromkeys(place.dataset for place in places))
    return sorted(places, key=lambda place: order.index(place.dataset))


__all__ = ["LEAK", "LINE", "SHAPES", "Extras", "Layout", "paper_tables", "parse", "wide_tables"]
