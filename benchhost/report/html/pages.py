"""The pages of a report: one per task level and data set, with the rows of the frame that belong to it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from benchhost.report.aggregate import CONDITION, METHOD, METRIC
from benchhost.report.html import condition
from benchhost.report.html.condition import Table
from benchhost.report.results import Results
from benchhost.report.wording import condition as named
from benchhost.report.wording import slug

LONGEST = 80
"""Characters of a page's file name; longer ones are cut and told apart by a digest."""

_TEXT = (*("run_id", "task", "task_params", "level", "dataset", "image", "method", "method_params", "method_label"),
         *("metric", "protocol", "status", "reason", "device"))  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Page:
    """One task level on one data set.

    place: task, its parameters as JSON, level, data set.
    frame: the rows of the results' frame; table: what they give on average.
    """

    place: tuple[str, str, str, str]
    slug: str
    frame: pd.DataFrame
    table: Table

    @property
    def title(self) -> str:
        """``cs ratio=0.1 · set11``."""
        return f"{named(self.place[0], self.place[2])} · {self.place[3]}"


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
    found = results.frame.groupby(CONDITION, observed=True, sort=False).indices
    rows = {tuple(map(str, at)): index for at, index in found.items()}
    records: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for record in table.to_dict("records"):
        records.setdefault(tuple(str(record[name]) for name in CONDITION), []).append(record)
    return [
        Page(
            place=place,
            slug=name,
            frame=results.frame.iloc[np.sort(rows[place])],
            table=condition.table(records[place], results),
        )
        for place, name in zip(places, names, strict=True)
    ]


def unique(names: Iterable[str]) -> list[str]:
    """File names that differ, of at most LONGEST characters and a number, and without two dots in a row."""
    taken: set[str] = set()
    found = []
    for name in (re.sub(r"[-.]*\.\.[-.]*", "-", name) for name in names):
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
