"""The pages of a report: one per task level and data set, with the rows of the frame that belong to it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from benchhost.report.aggregate import CONDITION, METHOD, METRIC
from benchhost.report.results import Results
from benchhost.report.wording import condition, slug

LONGEST = 80
"""Characters of a page's file name; longer ones are cut and told apart by a digest."""

_TEXT = (*("run_id", "task", "task_params", "level", "dataset", "image", "method", "method_params", "method_label"),
         *("metric", "protocol", "status", "reason", "device"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Page:
    """One task level on one data set.

    place: task, its parameters as JSON, level, data set.
    frame: the rows of the results' frame; table: those of :attr:`Results.table`, primary metric first.
    """

    place: tuple[str, str, str, str]
    slug: str
    frame: pd.DataFrame
    table: pd.DataFrame

    @property
    def title(self) -> str:
        """``cs ratio=0.1 · set11``."""
        return f"{condition(self.place[0], self.place[2])} · {self.place[3]}"

    @property
    def primary(self) -> pd.DataFrame:
        """One row per method: its primary metric."""
        return self.table[self.table["primary"]]


def light(results: Results) -> Results:
    """The same results with texts as categories: a million rows are compared and grouped in a fraction of the time.

    Of runs that shared cells through the store each cell stays once, as last seen.
    """
    frame = results.frame
    if frame["run_id"].nunique() > 1:
        frame = frame.drop_duplicates(["key", "image", "repeat", *CONDITION, *METHOD, *METRIC], keep="last")
    columns = {}
    for name in _TEXT:
        values = frame[name].astype("object").where(frame[name].notna(), "")
        codes, known = pd.factorize(values)
        columns[name] = pd.Categorical.from_codes(codes, [str(text) for text in known])
    return replace(results, frame=frame.assign(**columns).reset_index(drop=True))


def pages(results: Results) -> list[Page]:
    """Every page, in the order of the tables; ``results`` as :func:`light` makes them."""
    table = results.table
    if table.empty:
        return []
    places = list(table[CONDITION].drop_duplicates().astype(str).itertuples(index=False, name=None))
    names = unique(slug(*(part for part in (task, level, dataset) if part)) for task, _, level, dataset in places)
    rows = results.frame.groupby(CONDITION, observed=True, sort=False).indices
    aggregates = table.groupby(CONDITION, observed=True, sort=False).indices
    rows, aggregates = ({tuple(map(str, at)): index for at, index in found.items()} for found in (rows, aggregates))
    return [
        Page(
            place=place,
            slug=name,
            frame=results.frame.iloc[np.sort(rows[place])],
            table=table.iloc[np.sort(aggregates[place])],
        )
        for place, name in zip(places, names, strict=True)
    ]


def unique(names: Iterable[str]) -> list[str]:
    """File names that differ even where case does not count, none of them longer than LONGEST."""
    taken: set[str] = set()
    found = []
    for name in names:
        short = name
        if len(name) > LONGEST:
            short = f"{name[: LONGEST - 9]}-{hashlib.blake2b(name.encode(), digest_size=4).hexdigest()}"
        count, stem = 1, short
        while short in taken:
            count += 1
            short = f"{stem}-{count}"
        taken.add(short)
        found.append(short)
    return found
