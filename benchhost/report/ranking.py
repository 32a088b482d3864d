"""Best and second best: by the unrounded mean, ties at printed precision, only where a comparison is fair."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from benchhost.report.model import Cell

UNSURE = "†"
ALPHA = 0.05
UNSURE_NOTE = "not significantly better than the second (signed-rank test per image, Holm's correction, 5 %)"


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


def marked(
    cells: Sequence[Cell], values: np.ndarray, *, higher_is_better: bool, eligible: Sequence[bool]
) -> list[Cell]:
    """Mark the best of ranked ``cells`` where it is not significantly better than the second.

    values: (images, cells), NaN where there is none.  The leading method is tested against every other one that is
    ranked and prints differently, and the p-values are corrected together; nothing is marked where nothing could be
    tested (see :data:`benchhost.stats.FEWEST`).
    """
    from benchhost.stats import holm, signed_ranks

    best = [n for n, cell in enumerate(cells) if cell.style == "best"]
    second = [n for n, cell in enumerate(cells) if cell.style == "second"]
    if not best or not second:
        return list(cells)
    sign = 1 if higher_is_better else -1
    leader = max(best, key=lambda n: sign * cells[n].value)
    follower = max(second, key=lambda n: sign * cells[n].value)
    fair = [n for n, cell in enumerate(cells) if eligible[n] and cell.value is not None and not cell.count]
    rivals = [n for n in fair if n not in best]
    p = holm(signed_ranks(values[:, rivals], values[:, leader]))
    if not p[rivals.index(follower)] >= ALPHA:
        return list(cells)
    return [replace(c, marks=(UNSURE, *c.marks)) if n in best else c for n, c in enumerate(cells)]
