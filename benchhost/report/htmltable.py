"""Tables as HTML: one ``<table>`` fragment, every text escaped; how it looks is the page's business."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from benchhost.report.model import Cell, Column, Row, TableModel


def render(table: TableModel) -> str:
    """The table with its caption, group headers that span their columns, and footnotes in ``tfoot``.

    Classes: ``bh-table``; rows ``rule`` (set off from the row before) and ``reported`` (published, not measured);
    cells ``best``, ``second``, ``muted``, ``left``, ``joined``.  A cell's ``data-value`` is its number with all digits,
    for sorting; its ``title`` says why a value is missing or incomplete.  Columns say ``data-better="higher"`` or
    ``"lower"``.
    """
    lines = [f'<table class="bh-table" id="{escape(table.name)}">']
    if table.caption or table.title:
        lines.append(f"<caption>{escape(table.caption or table.title)}</caption>")
    lines += ["<thead>", *_head(table), "</thead>", "<tbody>"]
    lines += [_row(row, table.columns) for row in table.rows]
    lines.append("</tbody>")
    if table.footnotes:
        notes = "<br>".join(f"<sup>{escape(sign)}</sup> {escape(text)}" for sign, text in table.footnotes.items())
        lines.append(f'<tfoot><tr><td colspan="{len(table.columns)}">{notes}</td></tr></tfoot>')
    return "\n".join([*lines, "</table>"])


def _head(table: TableModel) -> Iterator[str]:
    titles = table.header_rows[-1]
    for spans in table.header_spans:
        cells = []
        for text, _, span in spans:
            width = f' colspan="{span}"' if span > 1 else ""
            cells.append(f'<th scope="colgroup"{width}>{escape(text)}</th>' if text else f"<td{width}></td>")
        yield f"<tr>{''.join(cells)}</tr>"
    yield f"<tr>{''.join(_title(text, column) for text, column in zip(titles, table.columns, strict=True))}</tr>"


def _title(text: str, column: Column) -> str:
    better = {True: ' data-better="higher"', False: ' data-better="lower"', None: ""}[column.higher_is_better]
    return f'<th scope="col"{_classes(*_kinds(column))}{better}>{escape(text)}</th>'


def _row(row: Row, columns: Sequence[Column]) -> str:
    cells = "".join(_cell(cell, column) for cell, column in zip(row.cells, columns, strict=True))
    return f"<tr{_classes('rule' * row.rule_above, 'reported' * row.reported)}>{cells}</tr>"


def _cell(cell: Cell, column: Column) -> str:
    value = f' data-value="{_number(cell.value)}"' if cell.value is not None else ""
    reason = f' title="{escape(cell.reason)}"' if cell.reason else ""
    text = escape(cell.text)
    if cell.style in ("best", "second"):
        tag = {"best": "strong", "second": "u"}[cell.style]
        text = f"<{tag}>{text}</{tag}>"
    if cell.spread:
        text += f' <span class="spread">± {escape(cell.spread)}</span>'
    if cell.count:
        text += f' <span class="count">{escape(cell.count)}</span>'
    if cell.marks:
        text += f"<sup>{escape(''.join(cell.marks))}</sup>"
    return f"<td{_classes(*_kinds(column), cell.style)}{value}{reason}>{text}</td>"


def _number(value: float) -> str:
    """All digits, and infinity as JavaScript and Python both read it."""
    return repr(value).replace("inf", "Infinity")


def _kinds(column: Column) -> tuple[str, str]:
    return "left" * (column.align == "left"), "joined" * column.joined


def _classes(*names: str) -> str:
    found = " ".join(name for name in names if name)
    return f' class="{found}"' if found else ""
