"""Tables for a terminal: columns as wide as they must be, best in bold where colour is wanted, else starred."""

from __future__ import annotations

from benchhost.report.model import Cell, TableModel

BOLD, UNDERLINE, DIM, RESET = "\x1b[1m", "\x1b[4m", "\x1b[2m", "\x1b[0m"
_CODES = {"best": BOLD, "second": UNDERLINE, "muted": DIM, "": ""}


def render(model: TableModel, *, colour: bool = False) -> str:
    """The table as lines of text; without ``colour`` the best of a column carries a star."""
    from tabulate import tabulate

    body = []
    for row in model.rows:
        if row.rule_above:
            body.append([""] * len(model.columns))
        body.append([_text(cell, colour=colour) for cell in row.cells])
    headers = ["\n".join(part for part in parts if part) for parts in zip(*model.header_rows, strict=True)]
    lines = [model.title] if model.title else []
    lines.append(
        tabulate(
            body,
            headers=headers,
            tablefmt="simple",
            disable_numparse=True,
            colalign=[column.align for column in model.columns] if body else None,
        )
    )
    lines += [f"{sign} {text}" for sign, text in model.footnotes.items()]
    return "\n".join(lines)


def _text(cell: Cell, *, colour: bool) -> str:
    if not colour:
        return f"*{cell.plain}" if cell.style == "best" else cell.plain
    code = _CODES[cell.style]
    return f"{code}{cell.plain}{RESET}" if code and cell.plain else cell.plain
