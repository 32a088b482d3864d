"""The table at the head of a page: methods down, every metric, time and count across."""

from __future__ import annotations

from dataclasses import dataclass

from benchhost.report.aggregate import METHOD, METRIC
from benchhost.report.html.pages import Page
from benchhost.report.model import Cell, number, seconds
from benchhost.report.ranking import rank
from benchhost.report.tables import UNRANKED, score_cell
from benchhost.report.wording import metric_titles, with_unit


@dataclass(frozen=True, kw_only=True)
class Line:
    """One method: its scores, and "" where a time, peak or count is not known."""

    label: str
    control: bool
    cells: list[Cell]
    peak: str
    time: str
    count: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Titles of the metrics and the lines below them; peaks: whether any method offered iterates."""

    titles: list[str]
    lines: list[Line]
    peaks: bool
    leaked: bool


def summary_table(page: Page, controls: frozenset[str]) -> Summary:
    """Means over images as every other renderer prints them."""
    pairs = list(page.table[METRIC].drop_duplicates().astype(str).itertuples(index=False, name=None))
    names = metric_titles(pairs)
    blocks = [block for _, block in page.table.groupby(METHOD, sort=False, observed=True)]
    eligible = [str(block["method"].iloc[0]) not in controls for block in blocks]
    titles: list[str] = []
    columns: list[list[Cell]] = []
    for pair in pairs:
        rows = [block[(block["metric"] == pair[0]) & (block["protocol"] == pair[1])] for block in blocks]
        cells = [score_cell(row.iloc[0]) if len(row) else Cell(text="", style="muted") for row in rows]
        first = next(row.iloc[0] for row in rows if len(row))
        higher = bool(first["higher_is_better"])
        ranked = pair[0] not in UNRANKED
        titles.append(with_unit(names[pair], str(first["unit"] or ""), higher if ranked else None))
        columns.append(rank(cells, higher_is_better=higher, eligible=eligible) if ranked else cells)
    lines = []
    for n, block in enumerate(blocks):
        time = block["median_seconds"].max()
        best = block.loc[block["ok"].idxmax()]
        peak = block[block["primary"] & block["peak"].notna()]
        lines.append(
            Line(
                label=str(block["method_label"].iloc[0]),
                control=not eligible[n],
                cells=[column[n] for column in columns],
                peak=number(peak.iloc[0]["peak"], peak.iloc[0]["decimals"]) if len(peak) else "",
                time="" if time != time else seconds(time),
                count=str(best["cells"]) if best["ok"] == best["cells"] else f"{best['ok']}/{best['cells']}",
            )
        )
    return Summary(
        titles=titles,
        lines=lines,
        peaks=any(line.peak for line in lines),
        leaked=bool(page.table["trained_on_test"].any()),
    )
