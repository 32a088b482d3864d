"""The file list of a card: one row a file, columns split by two blanks or a tab, ``-`` for nothing."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from benchhost.errors import UsageError

_UNWRITABLE = re.compile(r"\s{2,}|^\s|\s$|[^\S ]|[\x00-\x1f\x7f]|'''|^-$")
_COLUMN_GAP = re.compile(r"\t|\s\s+")


def write_table(rows: Iterable[Mapping[str, Any]], columns: Sequence[str]) -> str:
    """Rows as the text table of a card.  An empty value is written ``-``."""
    cells = [[str(row.get(column) or "") for column in columns] for row in rows]
    for cell in (cell for row in cells for cell in row):
        if _UNWRITABLE.search(cell):
            raise UsageError(
                f"{cell!r} cannot stand in a card: no two blanks in a row, none at the ends, no control characters, "
                "no ''' and no lone -"
            )
    cells = [[cell or "-" for cell in row] for row in cells]
    widths = [max((len(row[i]) for row in cells), default=0) for i in range(len(columns))]
    return "".join("  ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in cells)


def read_table(text: str, columns: Sequence[str], where: str) -> Iterator[dict[str, str]]:
    """Rows of a card's text table as dicts; ``-`` stands for nothing."""
    for number, line in enumerate(text.strip("\n").split("\n"), 1):
        line = line.strip()
        if not line:
            continue
        cells = _COLUMN_GAP.split(line)
        if len(cells) != len(columns):
            raise UsageError(
                f"{where}: row {number} of files has {len(cells)} columns, expected {len(columns)} "
                f"({', '.join(columns)}), separated by two blanks or a tab: '{line}'"
            )
        yield dict(zip(columns, ("" if cell == "-" else cell for cell in cells), strict=True))
