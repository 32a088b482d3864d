"""Tables in LaTeX (booktabs): one fragment a table, and a ``main.tex`` that compiles them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

from benchhost.report.files import write_text
from benchhost.report.model import Cell, TableModel
from benchhost.report.results import Results
from benchhost.report.tables import wide_tables
from benchhost.report.wording import failure_lines, unavailable_lines

_CHARACTERS = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "^": r"\textasciicircum{}",
    "~": r"\textasciitilde{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after a line's end, [ and * would be read as arguments of \\
    "]": "{]}",
    "*": "{*}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "·": r"$\cdot$",
    "−": "$-$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "∞": r"$\infty$",
    "≤": r"$\leq$",
    "≥": r"$\geq$",
    "≈": r"$\approx$",
    "→": r"$\rightarrow$",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "†": r"$\dagger$",
    "‡": r"$\ddagger$",
    "§": r"\S{}",
    "²": "$^2$",
    "³": "$^3$",
    "⁺": "$^+$",
    "°": r"$^\circ$",
    "µ": r"$\mu$",
    "√": r"$\surd$",
    "‖": r"$\Vert$",
    "ℓ": r"$\ell$",
    "“": "``",
    "”": "''",
    "‘": "`",
    "’": "'",
    **{
        greek: rf"$\{name}$"
        for name, greek in {
            "alpha": "α", "beta": "β", "gamma": "γ", "delta": "δ", "epsilon": "ε", "zeta": "ζ", "eta": "η",
            "theta": "θ", "iota": "ι", "kappa": "κ", "lambda": "λ", "mu": "μ", "nu": "ν", "xi": "ξ", "pi": "π",
            "rho": "ρ", "sigma": "σ", "tau": "τ", "upsilon": "υ", "phi": "φ", "chi": "χ", "psi": "ψ", "omega": "ω",
            "Gamma": "Γ", "Delta": "Δ", "Theta": "Θ", "Lambda": "Λ", "Xi": "Ξ", "Pi": "Π", "Sigma": "Σ",
            "Upsilon": "Υ", "Phi": "Φ", "Psi": "Ψ", "Omega": "Ω",
        }.items()
    },
}  # fmt: skip
_STYLE = {"best": r"\textbf{%s}", "second": r"\underline{%s}", "muted": "%s", "": "%s"}

PREAMBLE = r"""\documentclass{article}
\usepackage[T1]{fontenc}
\usepackage[utf8]{inputenc}
\usepackage{textcomp}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage[margin=2cm]{geometry}
\usepackage{booktabs}
"""


def escape(text: str) -> str:
    """Text that LaTeX prints as it is; a character that no standard font has is named by its code point."""
    return "".join(_escaped(" ".join(text.split())))


def _escaped(text: str) -> Iterator[str]:
    previous = ""
    for character in unicodedata.normalize("NFC", text):
        if character in _CHARACTERS:
            yield _CHARACTERS[character]
        elif character == previous and character in "-,":
            yield f"{{}}{character}"  # two of these would become a dash or a quotation mark
        elif " " <= character <= "~" or "À" <= character <= "ſ":
            yield character
        else:
            yield f"{{[}}U+{ord(character):04X}{{]}}"
        previous = character


def render(model: TableModel) -> str:
    """A floating table: caption above, booktabs rules, group headers spanning their columns."""
    align = "".join("l" if column.align == "left" else "r" for column in model.columns)
    lines = [
        r"\begin{table}[htbp]",
        r"\centering",
        r"\small",
        r"\setlength{\tabcolsep}{4pt}",
        rf"\caption{{{escape(model.caption or model.title)}}}",
        rf"\label{{tab:{model.name}}}",
        rf"\begin{{tabular}}{{{align}}}",
        r"\toprule",
        *_header(model),
        r"\midrule",
    ]
    for row in model.rows:
        lines += [r"\midrule"] if row.rule_above else []
        lines.append(f"{' & '.join(map(_text, row.cells))} \\\\")
    lines += [r"\bottomrule", r"\end{tabular}"]
    for sign, text in model.footnotes.items():
        lines.append(rf"\par\smallskip{{\footnotesize {_sign(sign)} {escape(text)}}}")
    return "\n".join([*lines, r"\end{table}"])


def write(results: Results, folder: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Write ``latex/NAME.tex`` per task and metric, and ``latex/main.tex`` that inputs them and lists the failures."""
    target = Path(folder) / "latex"
    models = wide_tables(results)
    written = [write_text(target / f"{model.name}.tex", render(model) + "\n") for model in models]
    troubles = failure_lines(results.cells, most=100) + unavailable_lines(results.frame, most=100)
    body = [PREAMBLE + r"\begin{document}", *(rf"\input{{{model.name}.tex}}" for model in models)]
    if troubles:
        body += [r"\clearpage", r"\section*{What did not work}", r"\begin{itemize}"]
        body += [rf"\item {escape(line)}" for line in troubles]
        body += [r"\end{itemize}"]
    return [write_text(target / "main.tex", "\n".join([*body, r"\end{document}"]) + "\n"), *written]


def _header(model: TableModel) -> list[str]:
    *groups, titles = model.header_rows
    lines = []
    for level in groups:
        spans = _spans(level)
        lines.append(
            " & ".join(
                rf"\multicolumn{{{n}}}{{c}}{{{escape(text)}}}" if text else " & " * (n - 1) for text, _, n in spans
            )
            + r" \\"
        )
        lines.append(" ".join(rf"\cmidrule(lr){{{start}-{start + n - 1}}}" for text, start, n in spans if text))
    return [*lines, f"{' & '.join(map(escape, titles))} \\\\"]


def _spans(texts: Sequence[str]) -> list[tuple[str, int, int]]:
    """(text, first column counted from 1, width) of each run of equal headers."""
    spans, start = [], 1
    for text, run in groupby(texts):
        width = len(list(run))
        spans.append((text, start, width))
        start += width
    return spans


def _text(cell: Cell) -> str:
    """The mean carries the style, its spread and count do not."""
    text = _STYLE[cell.style] % escape(cell.text) if cell.text else ""
    spread = rf" $\pm$ {escape(cell.spread)}" if cell.spread else ""
    count = f" {escape(cell.count)}" if cell.count else ""
    return f"{text}{spread}{count}{''.join(map(_sign, cell.marks))}"


def _sign(sign: str) -> str:
    return f"\\textsuperscript{{{escape(sign)}}}"
