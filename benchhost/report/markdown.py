"""Tables in Markdown, and the report made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchhost.report.bibliography import Bibliography
from benchhost.report.closing import remarks
from benchhost.report.files import write_text
from benchhost.report.model import Cell, TableModel
from benchhost.report.papers import chosen_tables
from benchhost.report.results import Results
from benchhost.report.tables import long_tables
from benchhost.report.wording import failure_lines, unavailable_lines

_SPECIAL = re.compile(r"([\\`*_\[\]<>|~#])")
_STYLE = {"best": "**{}**", "second": "<u>{}</u>", "muted": "{}", "": "{}"}


def escape(text: str) -> str:
    """Text that Markdown shows as it is, on one line."""
    return _SPECIAL.sub(r"\\\1", " ".join(text.split()))


def render(model: TableModel) -> str:
    """A pipe table with its caption and footnotes; best in bold, second underlined."""
    headers = [" · ".join(part for part in parts if part) for parts in zip(*model.header_rows, strict=True)]
    lines = [
        _line(map(escape, headers)),
        _line(["---:" if column.align == "right" else ":---" for column in model.columns]),
        *(_line(map(_text, row.cells)) for row in model.rows),
    ]
    if model.caption:
        lines += ["", escape(model.caption)]
    if model.footnotes:
        lines += ["", *(f"<sup>{escape(sign)}</sup> {escape(text)}  " for sign, text in model.footnotes.items())]
    return "\n".join(lines)


def write(results: Results, folder: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Write ``report.md``: facts of the run, one table per task, failures with their reasons.

    options: ``layout``, ``spread``, ``paper`` and ``reported`` as for LaTeX; without them every metric in one table.
    """
    run = results.run
    parts = [f"# benchhost run {escape(str(run.get('run_id', '')))}".rstrip(), _facts(results)]
    for model in _tables(results, options or {}):
        parts += [f"## {escape(model.title)}", render(model)]
    parts += ["## How to read this", "\n".join(f"- {escape(line)}" for line in remarks(results, colour=True))]
    troubles = failure_lines(results.cells, most=100) + unavailable_lines(results.frame, most=100)
    if troubles:
        parts += ["## What did not work", "\n".join(f"- {escape(line)}" for line in troubles)]
    return [write_text(Path(folder) / "report.md", "\n\n".join(part for part in parts if part) + "\n")]


def _tables(results: Results, options: Mapping[str, Any]) -> list[TableModel]:
    if not any(options.get(name) for name in ("layout", "paper", "reported")):
        return long_tables(results)
    return chosen_tables(results, options, Bibliography(citations=options.get("citations", {})))


def _facts(results: Results) -> str:
    run = results.run
    command = str(run.get("command") or "")
    facts = {"command": escape(command) if "`" in command else f"`{command}`" if command else ""}
    for name in ("started_at", "seconds", "seed", "results"):
        if run.get(name) is not None:
            facts[name] = escape(f"{run[name]:.0f}" if isinstance(run[name], float) else str(run[name]))
    notes = run.get("notes") or []
    facts["notes"] = escape("; ".join(map(str, notes if isinstance(notes, list | tuple) else [notes])))
    return "\n".join(f"- {name.replace('_', ' ')}: {text}" for name, text in facts.items() if text)


def _line(texts: Any) -> str:
    return f"| {' | '.join(texts)} |"


def _text(cell: Cell) -> str:
    text = escape(replace(cell, marks=()).plain)
    signs = f"<sup>{escape(''.join(cell.marks))}</sup>" if cell.marks else ""
    return (_STYLE[cell.style].format(text) if text else text) + signs
