"""Best and second best: by the unrounded mean, ties at printed precision, only where a comparison is fair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from benchhost.report.model import Cell


def rank(cells: Sequence[Cell], *, higher_is_better: bool, eligible: Sequence[bool]) -> list[Cell]:
    """Style the best and the second best of ``cells``; everything that prints like the best is best.

    A cell takes part if it is eligible (not a control), has a value and has no holes: a mean over whichever images
    happened to finish would flatter a method that fails on hard ones.  Fewer than two such cells are no comparison.
    """
    fair = [c for c, ok in zip(cells, eligible, strict=True) if ok and c.value is not None and not c.count]
    if len(fair) < 2:
        return list(cells)
    printed = list(dict.fromkeys(c.text for c in sorted(fair, key=lambda c: c.value, reverse=higher_is_better)))
    styles = dict(zip(printed, ("best", "second"), strict=False))
    if len(printed) == 1:
        return list(cells)  # all alike: nobody is best
    known = set(map(id, fair))
    return [replace(c, style=styles[c.text]) if id(c) in known and c.text in styles else c for c in cells]
