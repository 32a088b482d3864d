"""What ``benchhost run`` prints at its end: the tables, then failures with their reasons."""

from __future__ import annotations

import os
import sys

from benchhost.report.caption import hardware
from benchhost.report.results import Results
from benchhost.report.tables import long_tables
from benchhost.report.terminal_table import render
from benchhost.report.wording import failure_lines, listed, unavailable_lines


def terminal(results: Results, *, colour: bool | None = None) -> str:
    """Tables of mean ± sd per task level, dataset and method, then failures (the serious ones first) and remarks.

    colour: None asks whether standard output is a terminal and NO_COLOR is unset.
    """
    if colour is None:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    parts = [render(model, colour=colour) for model in long_tables(results)]
    parts.append("\n".join(remarks(results, colour=colour)))
    troubles = failure_lines(results.cells) + unavailable_lines(results.frame)
    if troubles:
        parts.append("\n".join(troubles))
    return "\n\n".join(part for part in parts if part)


def remarks(results: Results, *, colour: bool = False) -> list[str]:
    """How to read the tables: protocols, stars, where the times come from, how many cells ended how."""
    table = results.table
    if table.empty:
        return ["no cells"]
    counts = results.cells["status"].value_counts()
    lines = [f"cells: {listed([f'{count} {status}' for status, count in counts.items() if count], most=8)}"]
    lines += [
        f"{task}: {', '.join(dict.fromkeys(rows['metric'].astype(str) + '/' + rows['protocol'].astype(str)))}"
        for task, rows in table.groupby("task", sort=False, observed=True)
    ]
    legend = "bold: best, underlined: second" if colour else "*: best"
    lines.append(f"mean ± standard deviation over images; {legend} (complete rows only); time: median per image")
    timed = table[table["median_seconds"].notna()]
    if len(timed) and not timed["timing_valid"].all():
        lines.append("times were taken while other work ran: indicative only (--exclusive-timing measures them alone)")
    if hardware(results):
        lines.append(f"on {hardware(results)}")
    return lines
