"""The first page: what ran, what failed, and one table per task that leads to everything else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import pandas as pd

from benchhost.report.aggregate import CONDITION, METHOD
from benchhost.report.caption import hardware
from benchhost.report.html.pages import Page
from benchhost.report.model import Cell
from benchhost.report.results import FAILURES, Results
from benchhost.report.wording import HOLE_TEXT, ORDER, condition, first_line, listed

MOST_CONDITIONS = 150
"""Rows of all tables of the overview together; the leaderboard has the rest."""
MOST_CELLS = 4000
MOST_KINDS = 8
"""Kinds of failure on the overview; the page of failures has up to MOST_LISTED."""
MOST_LISTED = 500
LONGEST_REASON = 300
LONGEST_WHOLE = 4000
"""Characters of a reason: on its line, and in full below it."""


def facts(results: Results) -> dict[str, Any]:
    """Title and figures of the run, ready to be printed."""
    run, cells = results.run, results.cells
    counts = {str(name): int(count) for name, count in cells["status"].value_counts().items() if count}
    started = str(run.get("started_at") or "")
    return {
        "run_id": str(run.get("run_id") or "results"),
        "command": str(run.get("command") or ""),
        "started": _date(started),
        "started_iso": started,
        "took": duration(run.get("seconds")),
        "seed": "" if run.get("seed") is None else str(run["seed"]),
        "hardware": hardware(results),
        "state": str(run.get("status") or ""),
        "cells": len(cells),
        "counts": counts,
        "ok": counts.get("ok", 0),
        "failed": sum(counts.get(name, 0) for name in FAILURES),
        "tasks": listed(list(dict.fromkeys(cells["task"].astype(str))), most=8),
        "datasets": listed(list(dict.fromkeys(cells["dataset"].astype(str))), most=6),
        "methods": len(cells[METHOD].drop_duplicates()),
        "images": len(cells[["dataset", "image"]].drop_duplicates()),
    }


def failures(results: Results, pages: Sequence[Page], *, most: int = MOST_LISTED) -> tuple[list[dict[str, Any]], int]:
    """Kinds of failure, the serious ones first, at most ``most`` of them; and how many kinds there are.

    A kind has status, method, reason, how many cells of how many, and the pages and images where it happened.
    """
    cells = results.cells
    bad = cells[cells["status"] != "ok"]
    if bad.empty:
        return [], 0
    totals = cells["method_label"].value_counts()
    texts = bad["reason"].astype("object").fillna("")
    bad = bad.assign(short=texts.map({text: first_line(text, LONGEST_REASON) for text in texts.unique()}))
    groups = bad.groupby(["status", "method_label", "short"], observed=True, sort=False)
    rank = {name: n for n, name in enumerate(ORDER)}
    sizes = sorted(groups.size().items(), key=lambda kind: (rank.get(str(kind[0][0]), 0), -kind[1]))
    slugs = {page.place: page for page in pages}
    return [_kind(key, bad.iloc[groups.indices[key]], int(totals[key[1]]), slugs) for key, _ in sizes[:most]], len(
        sizes
    )


def _kind(
    key: tuple[Any, Any, Any], rows: pd.DataFrame, of: int, slugs: Mapping[tuple[str, ...], Page]
) -> dict[str, Any]:
    status, method, reason = map(str, key)
    places = rows[CONDITION].drop_duplicates().astype(str).itertuples(index=False, name=None)
    at = [slugs[place] for place in places if place in slugs]
    whole = str(rows["reason"].iloc[0]).strip()
    return {
        "status": status,
        "word": HOLE_TEXT.get(status, status),
        "serious": status in FAILURES,
        "method": method,
        "count": len(rows),
        "of": of,
        "reason": reason or "no reason recorded",
        "whole": whole[:LONGEST_WHOLE] if whole != reason else "",
        "images": listed(list(dict.fromkeys(rows["image"].astype(str))), most=6),
        "pages": at[:6],
        "more_pages": max(0, len(at) - 6),
    }


def glance(pages: Sequence[Page]) -> list[dict[str, Any]]:
    """Per task: conditions down, methods across, the primary metric in each place; ``left`` counts rows left out."""
    tables = []
    room = MOST_CONDITIONS
    for task in dict.fromkeys(page.place[0] for page in pages):
        mine = [page for page in pages if page.place[0] == task]
        methods = dict.fromkeys(line.method for page in mine for line in page.table.lines)
        controls = {line.method for page in mine for line in page.table.lines if line.control}
        shown = mine[: max(0, min(room, MOST_CELLS // max(1, len(methods))))]
        room -= len(shown)
        titles = dict.fromkeys(page.table.columns[page.table.primary].title for page in mine)
        tables.append(
            {
                "task": task,
                "methods": [{"label": method[2], "control": method in controls} for method in methods],
                "metric": listed(list(titles)),
                "rows": [_row(page, list(methods)) for page in shown],
                "left": len(mine) - len(shown),
            }
        )
    return tables


def duration(value: Any) -> str:
    """``1 h 02 min``, ``3 min 05 s``, ``17 s``; "" for nothing."""
    if value is None or value != value:
        return ""
    whole = round(float(value))
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def _row(page: Page, methods: Sequence[tuple[str, str, str]]) -> dict[str, Any]:
    absent = Cell(text="", style="muted", reason="not in this run")
    cells = {line.method: line.cells[page.table.primary] for line in page.table.lines}
    return {
        "page": page,
        "label": condition("", page.place[2]).strip(),
        "cells": [cells.get(method, absent) for method in methods],
        "images": page.table.images,
    }


def _date(text: str) -> str:
    try:
        return f"{datetime.fromisoformat(text):%d %B %Y, %H:%M} UTC".lstrip("0")
    except ValueError:
        return text
