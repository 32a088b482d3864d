"""Rows and columns of a table from scored cells: who stands down, what stands across, where it is divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from benchhost.report.model import Cell, Column, Row, TableModel, number
from benchhost.report.published import Published
from benchhost.report.scored import Place, Scored, Who, footnotes, without_spread
from benchhost.report.wording import level_title, slug

if TYPE_CHECKING:
    from benchhost.report.layouts import Layout

NOT_RUN = Cell(text="–", style="muted", reason="not in this run")
LETTERS = "abcdefghijklmnopqrstuvwxyz"


@dataclass(frozen=True, kw_only=True)
class Line:
    """A method of a table: one of the run, or one that was published, then with the tables it stands in."""

    who: Who
    cite: tuple[str, ...] = ()
    published: tuple[Published, ...] = ()

    @property
    def title(self) -> str:
        """The name in the table; a published one says so."""
        return f"{self.who.label} (reported)" if self.published else self.who.label

    def figure(self, place: Place, metric: str) -> tuple[float, Published] | None:
        """The published figure and its table, or None."""
        for table in self.published:
            found = table.figure(self.who.label, place.task, place.task_params, place.dataset, metric)
            if found is not None:
                return found, table
        return None

    def has(self, place: Place, metrics: Iterable[str]) -> bool:
        """Whether it was published for this condition and any of the metrics."""
        return any(self.figure(place, metric) is not None for metric in metrics)


@dataclass(frozen=True, kw_only=True)
class Across:
    """What stands side by side and is not divided: the columns of one condition, or of one method.

    keys: (place, metric title) of every column; ``whole``: neighbours with the same one are kept together if they fit.
    """

    places: tuple[Place, ...]
    keys: tuple[tuple[Place, str], ...]
    groups: tuple[str, ...]
    titles: tuple[str, ...]
    whole: str


class Body(NamedTuple):
    """Columns, rows and footnotes of a table."""

    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    footnotes: dict[str, str]


def with_body(model: TableModel, body: Body, *, part: int | None, caption: str, **changes: Any) -> TableModel:
    """``model`` filled in.  part: which part of a divided table it is, for its name; None where it is whole."""
    return replace(
        model,
        name=model.name if part is None else slug(model.name, str(part)),
        columns=body.columns,
        rows=body.rows,
        caption=caption,
        footnotes=body.footnotes,
        **changes,
    )


def divided(
    found: Scored,
    who: Sequence[Line],
    places: Sequence[Place] | Sequence[Across],
    titles: Sequence[str],
    layout: Layout,
    line: int,
) -> list[tuple[list[Line], list[Across]]]:
    """Methods and what else there is, in parts of at most ``line`` characters across.

    What belongs together (the levels of a data set) stays so where it fits.
    """
    across = [unit if isinstance(unit, Across) else None for unit in places]
    units = list(across) if all(across) else _across(found, places, titles, layout)
    if layout.shape == "transposed":
        room = line - max(len(f"{place.dataset}  {level_title(place.level)}") for u in units for place in u.places) - 2
        widths = [_width_across(found, one, units, titles, layout) for one in who]
        return [([who[n] for n in part], units) for part in _filled(widths, [[n] for n in range(len(who))], room)]
    room = line - max((len(one.title) for one in who), default=0)
    below = Counter(unit.groups for unit in units)
    widths = [
        max(
            sum(_width(found, who, key, title, layout) + 2 for key, title in _columns(unit)),
            *(-(-(len(text) + 2) // below[unit.groups]) for text in unit.groups[-1:]),
            0,
        )
        for unit in units
    ]
    groups = [[units.index(unit) for unit in group] for group in _runs(units)]
    return [(list(who), [units[n] for n in part]) for part in _filled(widths, groups, room)]


def _filled(widths: Sequence[int], groups: Sequence[Sequence[int]], room: int) -> list[list[int]]:
    """Indices in parts of at most ``room``; a group is kept whole where it fits."""
    parts: list[list[int]] = [[]]
    for group in groups:
        if parts[-1] and sum(widths[n] for n in [*parts[-1], *group]) > room:
            parts.append([])
        for index in group:
            if parts[-1] and sum(widths[n] for n in parts[-1]) + widths[index] > room:
                parts.append([])
            parts[-1].append(index)
    return parts


def _width_across(found: Scored, one: Line, units: Sequence[Across], titles: Sequence[str], layout: Layout) -> int:
    """Characters that a method takes where methods stand across."""
    cells = {title: [_cell(found, one, (unit.places[0], title), layout) for unit in units] for title in titles}
    widths = [max([len(_short(title)), *(len(cell.plain) for cell in mine)]) + 2 for title, mine in cells.items()]
    return max(len(one.title) + 2, sum(widths)) if len(titles) > 1 else max(len(one.title) + 2, widths[0])


def arranged(
    found: Scored,
    who: Sequence[Line],
    across: Sequence[Across],
    titles: Sequence[str],
    layout: Layout,
    *,
    controls: Collection[str],
) -> Body:
    """The rows and columns of one table."""
    if layout.shape == "transposed":
        return _transposed(found, who, across, titles, layout, controls)
    blocks = _levels(across) if layout.shape == "datasets" else [""]
    labelled = len(blocks) > 1
    heads = [Column(title="level", align="left")] if labelled else []
    heads.append(Column(title="method", align="left"))
    for unit in across:
        for n, ((_, key), title) in enumerate(zip(unit.keys, unit.titles, strict=True)):
            better = found.titles.get(key)
            heads.append(Column(title=title, groups=unit.groups, higher_is_better=better, joined=n > 0))
    letters: dict[str, str] = {}
    shown = list(dict.fromkeys(place.dataset for unit in across for place in unit.places))
    body: list[Row] = []
    for level in blocks:
        units = [_at_level(unit, level) for unit in across] if labelled else list(across)
        first, was_measured = True, True
        for one in who:
            cells = [_cell(found, one, key, layout) for unit in units for key in unit.keys]
            if one.published and not any(cell.value is not None for cell in cells):
                continue
            label = _label(one, letters, shown, controls)
            head = [Cell(text=level_title(level) if first else "")] if labelled else []
            rule = bool(body) and (first or (was_measured and bool(one.published)))
            body.append(Row(cells=(*head, label, *cells), rule_above=rule, reported=bool(one.published)))
            first, was_measured = False, not one.published
    notes = footnotes(found.rows, (cell for row in body for cell in row.cells if not row.reported))
    notes |= {letter: remark for remark, letter in letters.items()}
    return Body(columns=tuple(heads), rows=tuple(body), footnotes=notes)


def _transposed(
    found: Scored,
    who: Sequence[Line],
    across: Sequence[Across],
    titles: Sequence[str],
    layout: Layout,
    controls: Collection[str],
) -> Body:
    """Conditions down, measured methods across."""
    who = [one for one in who if not one.published]
    places = [unit.places[0] for unit in across]
    names = [n for n in ("dataset", "level") if len({getattr(p, n) for p in places}) > 1] or ["level"]
    pair = len(titles) > 1
    heads = [Column(title=name, align="left") for name in names]
    for one in who:
        groups = (one.who.label,) if pair else ()
        heads += [
            Column(title=_short(title) if pair else one.who.label, groups=groups, joined=n > 0)
            for n, title in enumerate(titles)
        ]
    body: list[Row] = []
    previous = ""
    for place in places:
        text = {"dataset": place.dataset, "level": level_title(place.level) or place.task}
        new = place.dataset != previous
        head = [Cell(text="" if name == "dataset" and not new else text[name]) for name in names]
        cells = [_cell(found, one, (place, title), layout) for one in who for title in titles]
        rule = bool(body) and new and names != ["level"] and names != ["dataset"]
        body.append(Row(cells=(*head, *cells), rule_above=rule))
        previous = place.dataset
    notes = footnotes(found.rows, (cell for row in body for cell in row.cells))
    return Body(columns=tuple(heads), rows=tuple(body), footnotes=notes)


def _across(found: Scored, places: Sequence[Place], titles: Sequence[str], layout: Layout) -> list[Across]:
    """One unit per condition, or per data set where levels stand down."""
    if layout.shape == "datasets":
        names = list(dict.fromkeys(place.dataset for place in places))
        units = []
        for name in names:
            mine = tuple(place for place in places if place.dataset == name)
            keys = tuple((mine[0], title) for title in titles)
            units.append(_unit(mine, keys, (name,), "", titles))
        return units
    plain = all(not level_title(place.level) for place in places)
    units = []
    for place in places:
        here = [t for t in titles if any((place, who, t) in found.cells for who in found.methods)] or list(titles[:1])
        above = (place.task, place.dataset) if layout.shape == "landscape" else (place.dataset,)
        units.append(
            _unit((place,), tuple((place, t) for t in here), above, "" if plain else level_title(place.level), here)
        )
    return units


def _unit(
    places: tuple[Place, ...],
    keys: tuple[tuple[Place, str], ...],
    above: tuple[str, ...],
    level: str,
    titles: Sequence[str],
) -> Across:
    """Names from the outermost to the innermost; a single metric needs no name of its own."""
    names = (*above, level) if level else above
    if len(titles) > 1:
        return Across(places=places, keys=keys, groups=names, titles=tuple(map(_short, titles)), whole=above[-1])
    return Across(places=places, keys=keys, groups=names[:-1], titles=(names[-1],), whole=above[-1])


def _cell(found: Scored, one: Line, key: tuple[Place, str], layout: Layout) -> Cell:
    place, title = key
    if not one.published:
        cell = found.cells.get((place, one.who, title), NOT_RUN)
        return cell if layout.spread else without_spread(cell)
    figure = one.figure(place, found.metrics[title])
    if figure is None:
        return replace(NOT_RUN, reason="not reported")
    value, table = figure
    return Cell(text=number(value, table.decimals()), value=value, style="muted")


def _label(one: Line, letters: dict[str, str], shown: list[str], controls: Collection[str]) -> Cell:
    """The method's name; a published one says so, with a letter for what its figures are."""
    if not one.published:
        return Cell(text=one.who.label, style="muted" if one.who.method in controls else "", cite=one.cite)
    remark = one.published[0].remark(shown)
    letter = letters.setdefault(remark, LETTERS[len(letters) % len(LETTERS)])
    return Cell(text=one.title, style="muted", cite=one.cite, marks=(letter,))


def _levels(across: Sequence[Across]) -> list[str]:
    return list(dict.fromkeys(place.level for unit in across for place in unit.places))


def _at_level(unit: Across, level: str) -> Across:
    """The unit of a data set, pointed at one of its levels."""
    place = next((place for place in unit.places if place.level == level), unit.places[0]._replace(level=level))
    return replace(unit, keys=tuple((place, title) for _, title in unit.keys))


def _columns(unit: Across) -> list[tuple[tuple[Place, str], str]]:
    return list(zip(unit.keys, unit.titles, strict=True))


def _width(found: Scored, who: Sequence[Line], key: tuple[Place, str], title: str, layout: Layout) -> int:
    widest = max((len(_cell(found, one, key, layout).plain) for one in who), default=0)
    return max(len(title), widest)


def _runs(units: Sequence[Across]) -> list[list[Across]]:
    groups: list[list[Across]] = []
    for unit in units:
        if groups and groups[-1][-1].whole == unit.whole:
            groups[-1].append(unit)
        else:
            groups.append([unit])
    return groups


def _short(title: str) -> str:
    """``PSNR [dB] ↑`` -> ``PSNR ↑``."""
    name, _, rest = title.partition(" [")
    return f"{name} {rest[-1]}" if rest and rest[-1] in "↑↓" else title
