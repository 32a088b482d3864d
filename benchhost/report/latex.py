"""Tables in LaTeX (booktabs): one fragment a table, the bibliography, and a ``main.tex`` that compiles them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from benchhost.report.bibliography import Bibliography
from benchhost.report.files import write_text
from benchhost.report.latex_text import escape
from benchhost.report.model import Cell, Column, Row, TableModel
from benchhost.report.papers import chosen_tables
from benchhost.report.results import Results
from benchhost.report.wording import failure_lines, unavailable_lines

GREY = r"\color{black!55}"
_STYLE = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "muted": rf"{{{GREY}%s}}", "": "%s"}
_SIZES = ((100, r"\small"), (116, r"\footnotesize"), (0, r"\scriptsize"))
"""Characters across that fit in each size."""
LETTER = 1.15
"""How much wider a letter of a header is than a digit."""
LANDSCAPE = 1.5
"""How much wider a page on its side is."""

PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\IfFileExists{microtype.sty}{\usepackage{microtype}}{}
\usepackage[margin=2cm]{geometry}
\usepackage{booktabs}
\usepackage{xcolor}
\usepackage{pdflscape}
\IfFileExists{caption.sty}{\usepackage[font=small,labelfont=bf,skip=6pt]{caption}}{}
"""


def render(model: TableModel) -> str:
    """A floating table: caption above, booktabs rules, group headers spanning their columns.

    Needs the packages booktabs and xcolor, and pdflscape for a table on its side.
    """
    lines = [
        "% needs booktabs and xcolor" + (", pdflscape" if model.landscape else ""),
        *([r"\begin{landscape}"] if model.landscape else []),
        r"\begin{table}[htbp]",
        r"\centering",
        _size(model),
        r"\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{escape(model.caption or model.title)}{_data(model)}}}",
        rf"\label{{tab:{model.name}}}",
        rf"\begin{{tabular}}{{{_alignment(model.columns)}}}",
        r"\toprule",
        *_header(model),
        r"\midrule",
    ]
    for n, row in enumerate(model.rows):
        lines += [r"\midrule"] if row.rule_above else []
        if row.reported and not (n and model.rows[n - 1].reported):
            lines.append("% published by others, not measured here:")
        lines.append(f"{' & '.join(_row(row, model.columns))} \\\\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    if model.footnotes:
        notes = [rf"{_sign(sign)}\,{escape(text)}." for sign, text in model.footnotes.items()]
        lines.append(r"\par\medskip\begin{minipage}{0.92\linewidth}\footnotesize\raggedright")
        lines += [*(rf"{note}\\" for note in notes[:-1]), notes[-1], r"\end{minipage}"]
    lines.append(r"\end{table}")
    return "\n".join([*lines, *([r"\end{landscape}"] if model.landscape else [])])


def write(results: Results, folder: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Write ``latex/NAME.tex`` per table, ``references.bib``, and ``main.tex`` that inputs all and lists the failures.

    options: ``layout`` (see :func:`benchhost.report.layouts.parse`), ``spread`` (True or False: with or without ±),
        ``paper`` (a name in :data:`benchhost.report.papers.PAPERS`), ``reported`` (True: with published rows),
        ``citations`` (see :func:`benchhost.report.bibliography.citations`).
    """
    options = options or {}
    target = Path(folder) / "latex"
    bibliography = Bibliography(citations=options.get("citations", {}))
    models = chosen_tables(results, options, bibliography)
    written = [write_text(target / f"{model.name}.tex", render(model) + "\n") for model in models]
    troubles = failure_lines(results.cells, most=100) + unavailable_lines(results.frame, most=100)
    body = [PREAMBLE + r"\begin{document}", *(rf"\input{{{model.name}.tex}}" for model in models)]
    if troubles:
        body += [r"\clearpage", r"\section*{What did not work}", r"\begin{itemize}"]
        body += [rf"\item {_breakable(escape(line))}" for line in troubles]
        body += [r"\end{itemize}"]
    if bibliography.used:
        body += [r"\bibliographystyle{plain}", r"\bibliography{references}"]
        written.append(write_text(target / "references.bib", bibliography.text()))
    return [write_text(target / "main.tex", "\n".join([*body, r"\end{document}"]) + "\n"), *written]


def _breakable(text: str) -> str:
    r"""Levels such as ``kernel=gaussian,std=1.6`` may end a line after a comma."""
    return re.sub(r",(?=\S)", r",\\allowbreak{}", text)


def _size(model: TableModel) -> str:
    widths = []
    for n, headers in enumerate(zip(*model.header_rows, strict=True)):
        texts = [row.cells[n].plain for row in model.rows]
        widths.append(max(len(text) for text in [headers[-1], *texts]) + 2)
    for text, start, width in chain.from_iterable(reversed(model.header_spans)):
        wanted = round(LETTER * len(text)) + 2
        widths[start + width - 1] += max(0, wanted - sum(widths[start : start + width]))
    across = sum(widths)
    room = LANDSCAPE if model.landscape else 1.0
    return next(size for most, size in _SIZES if across <= most * room or not most)


def _alignment(columns: Sequence[Column]) -> str:
    r"""Pairs are set around a slash: ``r@{\,/\,}l``."""
    letters = [r"@{\,/\,}l" if c.joined else {"left": "l", "right": "r"}[c.align] for c in columns]
    return "".join(letters)


def _data(model: TableModel) -> str:
    """The data sets with their citations, for the end of the caption."""
    named = [rf"{escape(name)}~\cite{{{','.join(keys)}}}" for name, keys in model.datasets.items()]
    stop = "" if model.caption.endswith((".", ")")) else "."
    return f"{stop} Data: {', '.join(named)}." if named else ""


def _header(model: TableModel) -> list[str]:
    lines = []
    for spans in model.header_spans:
        cells = [
            rf"\multicolumn{{{width}}}{{c}}{{{escape(text)}}}" if text else " & " * (width - 1)
            for text, _, width in spans
        ]
        lines.append(f"{' & '.join(cells)} \\\\")
        lines.append(" ".join(rf"\cmidrule(lr){{{n + 1}-{n + width}}}" for text, n, width in spans if text))
    return [*lines, f"{' & '.join(map(escape, model.header_rows[-1]))} \\\\"]


def _row(row: Row, columns: Sequence[Column]) -> list[str]:
    """Cells as text; a pair of the same holes is one hole across both columns."""
    texts: list[str] = []
    for n, (cell, column) in enumerate(zip(row.cells, columns, strict=True)):
        paired = n + 1 < len(columns) and columns[n + 1].joined
        if (
            column.joined
            and cell.value is None
            and row.cells[n - 1].value is None
            and cell.text == row.cells[n - 1].text
        ):
            texts[-1] = rf"\multicolumn{{2}}{{c}}{{{texts[-1]}}}"
            continue
        texts.append(_text(cell, hanging=column.align == "right" and not paired))
    return texts


def _text(cell: Cell, *, hanging: bool) -> str:
    """The mean carries the style, its spread and count do not; signs hang, so that numbers stay below each other."""
    text = _STYLE[cell.style] % escape(cell.text) if cell.text else ""
    spread = rf"{{\scriptsize\,$\pm$\,{escape(cell.spread)}}}" if cell.spread else ""
    count = rf"{{\scriptsize\,{escape(cell.count)}}}" if cell.count else ""
    signs = "".join(map(_sign, cell.marks))
    cited = rf"~\cite{{{','.join(cell.cite)}}}" if cell.cite else ""
    if cell.style == "muted" and (cited or signs):
        cited, signs = rf"{{{GREY}{cited}{signs}}}", ""
    if signs and hanging:
        signs = rf"\rlap{{{signs}}}"
    return f"{text}{spread}{count}{cited}{signs}"


def _sign(sign: str) -> str:
    return f"\\textsuperscript{{{escape(sign)}}}"
