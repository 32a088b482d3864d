"""What a layout is, and how ``--layout`` is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from benchhost.errors import UsageError, unknown
from benchhost.report.arrange import Line
from benchhost.report.bibliography import Bibliography
from benchhost.report.scored import Place

Shape = Literal["levels", "datasets", "images", "landscape", "transposed"]
SHAPES = get_args(Shape)
LINE = 100
"""Characters that fit across a page in small type."""
PAPER_LINE = 116
"""In the smaller type of tables shaped as in a paper, which are divided only where that does not help."""
LANDSCAPE_LINE = 160


@dataclass(frozen=True, kw_only=True)
class Layout:
    """How tables are laid out.

    shape: ``levels``: methods down, levels under data sets across (compressed sensing); ``datasets``: a block of
        methods per level, data sets across (super-resolution); ``images``: methods down, the images of one data set
        across; ``landscape``: methods down, several tasks across; ``transposed``: levels down, methods across.
    pairs: every place shows two metrics, PSNR/SSIM, in place of a table for each.
    spread: show ± the standard deviation.
    """

    shape: Shape = "levels"
    pairs: bool = False
    spread: bool = False


def parse(text: str, *, spread: bool | None = None) -> Layout:
    """Read ``datasets`` or ``datasets,pairs``; an unknown word is refused with the nearest one."""
    words = [word.strip() for word in text.split(",") if word.strip()]
    for word in words:
        if word not in (*SHAPES, "pairs"):
            raise unknown("layout", word, (*SHAPES, "pairs"))
    shapes = [word for word in words if word != "pairs"]
    if len(shapes) > 1:
        raise UsageError(f"layout '{text}' names {len(shapes)} shapes; choose one of {', '.join(SHAPES)}")
    shape = shapes[0] if shapes else "levels"
    pairs = "pairs" in words
    if pairs and shape == "images":
        raise UsageError("layout 'images' shows one metric: leave out 'pairs'")
    return Layout(shape=shape, pairs=pairs, spread=(shape == "levels" and not pairs) if spread is None else spread)


@dataclass(frozen=True, kw_only=True)
class Extras:
    """What a table may carry beside measured rows: citations, published rows, and places that only those fill."""

    bibliography: Bibliography = field(default_factory=Bibliography)
    lines: Sequence[Line] = ()
    places: Sequence[Place] = ()
    what: str = ""
    """Said in the caption."""
    name: str = ""
