"""Every method on every condition in one list: what the leaderboard sorts and filters."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from benchhost.report.aggregate import METHOD, METRIC
from benchhost.report.html.pages import Page
from benchhost.report.html.scores import HOLE
from benchhost.report.model import Cell, seconds
from benchhost.report.ranking import rank
from benchhost.report.tables import UNRANKED, score_cell
from benchhost.report.wording import first_line, metric_titles, with_unit


def leaderboard(pages: Sequence[Page], controls: frozenset[str]) -> dict[str, Any]:
    """The data of the leaderboard, JSON-ready.

    columns: titles of the metrics, with their direction.
    rows: per condition and method: page, task, level, data set, method, rank ("" where not ranked), cells
        ([text, spread, count and marks, style, reason] or None, one per column), time, cells done, of how many,
        protocol of the primary metric.
    """
    titled = [_titles(page) for page in pages]
    columns = list(dict.fromkeys(title for titles in titled for title in titles.values()))
    rows = []
    for place, (page, titles) in enumerate(zip(pages, titled, strict=True)):
        blocks = [block for _, block in page.table.groupby(METHOD, sort=False, observed=True)]
        eligible = [str(block["method"].iloc[0]) not in controls for block in blocks]
        cells: list[list[Any]] = [[None] * len(columns) for _ in blocks]
        ranks = [""] * len(blocks)
        protocol = "{metric}/{protocol}".format(**page.primary.iloc[0][METRIC])
        for title, primary, lines in _by_metric(page, blocks, titles):
            at = columns.index(title)
            present = [n for n, line in enumerate(lines) if line is not None]
            scored = [score_cell(lines[n]) for n in present]
            first = lines[present[0]]
            if first["metric"] not in UNRANKED:
                fair = [eligible[n] for n in present]
                higher = bool(first["higher_is_better"])
                scored = rank(scored, higher_is_better=higher, eligible=fair)
                if primary:
                    for n, text in zip(present, places(scored, fair, higher_is_better=higher), strict=True):
                        ranks[n] = text
            for n, cell in zip(present, scored, strict=True):
                cells[n][at] = _packed(cell)
        for n, block in enumerate(blocks):
            task, _, level, dataset = page.place
            time = block["median_seconds"].max()
            best = block.loc[block["ok"].idxmax()]
            rows.append(
                [place, task, level, dataset, str(block["method_label"].iloc[0]), ranks[n], cells[n],
                 HOLE if time != time else seconds(time), int(best["ok"]), int(best["cells"]), protocol]
            )  # fmt: skip
    return {"pages": [page.slug for page in pages], "columns": columns, "rows": rows}


def places(cells: Sequence[Cell], eligible: Sequence[bool], *, higher_is_better: bool) -> list[str]:
    """Rank of each cell among those that compare fairly ("1", "2", "2", "4"), "" for the others."""
    fair = [c for c, ok in zip(cells, eligible, strict=True) if ok and c.value is not None and not c.count]
    order = sorted(fair, key=lambda c: c.value, reverse=higher_is_better)
    first: dict[str, int] = {}
    for n, cell in enumerate(order, 1):
        first.setdefault(cell.text, n)
    known = set(map(id, fair))
    return [str(first[c.text]) if id(c) in known else "" for c in cells]


def _titles(page: Page) -> dict[tuple[str, str], str]:
    """The column of each metric: its name, with the protocol where this condition has two of that name.

    Protocols differ between tasks; the column of protocols says which one a row was scored by.
    """
    first = page.table.drop_duplicates(METRIC)
    pairs = list(first[METRIC].astype(str).itertuples(index=False, name=None))
    names = metric_titles(pairs)
    facts = zip(pairs, first["unit"], first["higher_is_better"], strict=True)
    return {
        pair: with_unit(names[pair], str(unit or ""), None if pair[0] in UNRANKED else bool(higher))
        for pair, unit, higher in facts
    }


def _by_metric(page: Page, blocks: Sequence[pd.DataFrame], titles: dict[tuple[str, str], str]) -> Any:
    """(title, whether primary, one row of the table or None per block) of each metric of a page."""
    found: dict[str, tuple[bool, list[Any]]] = {}
    for n, block in enumerate(blocks):
        for _, row in block.iterrows():
            title = titles[str(row["metric"]), str(row["protocol"])]
            found.setdefault(title, (bool(row["primary"]), [None] * len(blocks)))[1][n] = row
    for title, (primary, lines) in found.items():
        yield title, primary, lines


def _packed(cell: Cell) -> list[str]:
    return [cell.text, cell.spread, f"{cell.count}{''.join(cell.marks)}", cell.style, first_line(cell.reason)]
