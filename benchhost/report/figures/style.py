"""One look for all figures: sizes, fonts, and a fixed colour and marker for every method."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchhost.report.files import write_with

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN = 3.4
"""Width of one column of a two-column paper, inches."""
PAGE = 7.1
"""Width of both columns, inches."""
SMALLEST = 7.0
"""Smallest text, points at print size."""

NAMED = {
    "baseline": "#555555",
    "pinv": "#8C8C8C",
    "adjoint": "#B3B3B3",
    "oracle": "#000000",
    "noise": "#C8C8C8",
    "tv": "#0072B2",
    "dip": "#D55E00",
    "bm3d": "#009E73",
    "dct": "#56B4E9",
    "wiener": "#CC79A7",
    "idm": "#E69F00",
    "ddnm": "#882255",
    "rim": "#332288",
}
"""Okabe and Ito's palette (2008) with three of Paul Tol's; greys for what only frames a comparison."""

OTHERS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#882255", "#332288", "#44AA99", "#999933")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", "-.", ":")
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
    """How a method is drawn: its colour says the method, marker and dashes say its settings."""

    colour: str
    marker: str
    line: str


def look(method: str, label: str = "") -> Look:
    """The look of a method, and of one labelled set of its parameters; the same in every figure of every run."""
    colour = NAMED.get(method) or OTHERS[_number(method) % len(OTHERS)]
    plain = label in ("", method)
    known = method in NAMED
    marker = (
        MARKERS[list(NAMED).index(method) % len(MARKERS)] if plain and known else MARKERS[_number(label or method) % 7]
    )
    return Look(colour=colour, marker=marker, line="-" if plain else LINES[_number(label) % len(LINES)])


def _number(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=4).digest(), "big")


@contextmanager
def styled() -> Iterator[None]:
    """matplotlib's settings for the time of one figure; nothing global is left changed."""
    import matplotlib as mpl

    with mpl.rc_context(_RC):
        yield


def panels(count: int, *, height: float = 2.5, most_across: int = 2) -> tuple[Figure, list]:
    """A figure of ``count`` panels, side by side and then below each other, and its axes in reading order."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(count, most_across)
    down = math.ceil(count / across)
    figure = Figure(figsize=(COLUMN if across == 1 else PAGE, height * down), layout="constrained")
    FigureCanvasAgg(figure)
    axes = list(figure.subplots(down, across, squeeze=False).ravel())
    for spare in axes[count:]:
        spare.remove()
    return figure, axes[:count]


def save(figure: Figure, path: Path) -> list[Path]:
    """Write ``path`` + ``.pdf`` and ``.png``, the same bytes for the same figure."""
    pdf, png = (path.with_name(path.name + suffix) for suffix in (".pdf", ".png"))
    nothing = {"CreationDate": None, "Producer": None, "Creator": None}
    return [
        write_with(pdf, lambda aside: figure.savefig(aside, format="pdf", metadata=nothing)),
        write_with(png, lambda aside: figure.savefig(aside, format="png", metadata={"Software": None})),
    ]
