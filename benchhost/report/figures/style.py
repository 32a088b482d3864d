"""One look for all figures: sizes, fonts, and a fixed colour and marker for every method."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost.report.files import write_with

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from benchhost.report.results import Results

COLUMN = 3.4
"""Width of one column of a two-column paper, inches."""
PAGE = 7.0
"""Width of both columns, inches."""
SMALLEST = 7.0
"""Smallest text, points at print size."""

NAMED = {
    "baseline": "#555555",
    "pinv": "#8C8C8C",
    "adjoint": "#B3B3B3",
    "tv": "#0072B2",
    "dip": "#D55E00",
    "bm3d": "#009E73",
    "dct": "#56B4E9",
    "wiener": "#CC79A7",
    "idm": "#E69F00",
    "ddnm": "#882255",
    "rim": "#332288",
    "nsr": "#999933",
    "ddnm_plus": "#661100",
    "denoiser": "#CCBB44",
    "oracle": "#000000",
    "noise": "#C8C8C8",
}
"""Okabe and Ito's palette (2008) with six of Paul Tol's; greys for what only frames a comparison, controls last."""

OTHERS = ("#44AA99", "#117733", "#AA4499", "#CC6677", "#6699CC", "#994F00")
"""For methods of other packages: none of NAMED, with which they share their figures."""
MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<", ">", "p", "h", "d", "8", "H")
LINES = ("-", (0, (5, 1.5)), (0, (6, 1.5, 1, 1.5)), (0, (2.5, 1)), (0, (6, 1.5, 1, 1.5, 1, 1.5)))
CROP = "#E69F00"

_RC = {
    "font.family": "sans-serif",
    "font.sans-serif": ["DejaVu Sans"],
    "font.size": 8.0,
    "axes.titlesize": 8.0,
    "axes.labelsize": 8.0,
    "xtick.labelsize": SMALLEST,
    "ytick.labelsize": SMALLEST,
    "legend.fontsize": SMALLEST,
    "axes.linewidth": 0.6,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "lines.linewidth": 1.2,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "savefig.dpi": 200,
    "figure.dpi": 200,
}


@dataclass(frozen=True, kw_only=True)
class Look:
    """How a method is drawn: its colour says the method, marker and dashes say its settings; dotted is never used."""

    colour: str
    marker: str
    line: str | tuple[float, tuple[float, ...]]


def look(method: str, variant: int = 0) -> Look:
    """The look of a method; ``variant`` counts its labelled sets of parameters within one run.

    The colour is a function of the name alone: the same in every figure of every run.
    """
    start = list(NAMED).index(method) if method in NAMED else _number(method)
    return Look(
        colour=NAMED.get(method) or OTHERS[_number(method) % len(OTHERS)],
        marker=MARKERS[(start + variant) % len(MARKERS)],
        line=LINES[variant % len(LINES)],
    )


def looks(results: Results) -> dict[str, Look]:
    """The look of every method label of a run."""
    found: dict[str, Look] = {}
    variants: dict[str, int] = {}
    pairs = results.table[["method", "method_label"]].drop_duplicates()
    for method, label in pairs.astype(str).itertuples(index=False, name=None):
        found[label] = look(method, variants.get(method, 0))
        variants[method] = variants.get(method, 0) + 1
    return found


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


@contextmanager
def styled() -> Iterator[None]:
    """matplotlib's settings for the time of one figure; nothing global is left changed."""
    import matplotlib as mpl

    with mpl.rc_context(_RC):
        yield


def panels(
    count: int,
    *,
    title: str,
    width: float | None = None,
    height: float = 2.0,
    left: float = 0.52,
    below: int = 0,
) -> tuple[Figure, list[Axes]]:
    """A figure of ``count`` panels of ``height`` inches under one title, and its axes in reading order.

    width: of the figure in inches; two panels stand side by side where it holds them.  By default COLUMN for a single
        panel, else PAGE.
    left: inches for what stands left of each panel.
    below: entries of a legend below all panels, see :func:`legend_below`.
    Margins are fixed, in inches: measuring every text to find them costs more than drawing the figure.
    """
    right, under, above, top = 0.1, 0.46, 0.24, 0.2
    wide = width or (COLUMN if count == 1 else PAGE)
    across = min(count, 2) if wide >= 2 * (COLUMN - 0.2) else 1
    down = math.ceil(count / across)
    legend = LEGEND_LINE * math.ceil(below / legend_columns(wide)) + 0.06 if below else 0.0
    tall = down * (height + under + above) + top + legend
    figure = canvas(wide, tall)
    figure.text(0.5, 1 - 0.5 * top / tall, title, ha="center", va="center", fontsize=9)
    axes = []
    for n in range(count):
        x = (n % across) * wide / across + left
        y = tall - top - (n // across + 1) * (height + under + above) + under
        axes.append(figure.add_axes((x / wide, y / tall, (wide / across - left - right) / wide, height / tall)))
    return figure, axes


LEGEND_LINE = 0.16
"""Inches that a line of a legend takes."""


def legend_columns(wide: float) -> int:
    """Entries of a legend side by side on a figure of ``wide`` inches."""
    return max(1, int(wide / 1.7))


def legend_below(figure: Figure, handles: Mapping[str, Any]) -> None:
    """One legend for all panels, at the figure's foot, where :func:`panels` left room."""
    wide, _ = figure.get_size_inches()
    figure.legend(
        list(handles.values()), list(handles), loc="lower center", ncols=min(len(handles), legend_columns(wide)),
        borderaxespad=0.1, borderpad=0, columnspacing=1.2, handlelength=2.6, labelspacing=0.25,
    )  # fmt: skip


def canvas(wide: float, tall: float) -> Figure:
    """An empty figure of that size in inches, on a canvas of its own."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(wide, tall))
    FigureCanvasAgg(figure)
    return figure


def save(figure: Figure, path: Path) -> list[Path]:
    """Write ``path`` + ``.pdf`` and ``.png``, the same bytes for the same figure."""
    pdf, png = (path.with_name(path.name + suffix) for suffix in (".pdf", ".png"))
    nothing = {"CreationDate": None, "Producer": None, "Creator": None}
    return [
        write_with(pdf, lambda aside: figure.savefig(aside, format="pdf", metadata=nothing)),
        write_with(png, lambda aside: figure.savefig(aside, format="png", metadata={"Software": None})),
    ]
