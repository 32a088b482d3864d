"""Two runs, or two methods, cell by cell: paired difference, interval and a verdict about the second."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from benchhost.report.aggregate import CONDITION
from benchhost.report.model import Cell, Column, Row, TableModel, number
from benchhost.report.scored import direction
from benchhost.report.wording import METRIC_NAMES
from benchhost.stats import FEWEST, Interval, holm, paired

Verdict = Literal["better", "worse", "same", "lost", "few"]
ALPHA = 0.05
_PAIR = ["image", "repeat"]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One cell of a comparison: the second side less the first, in the metric's own unit.

    method: whose cell it is; "" where two methods are compared.
    n: images on which both have a value.  lost, gained: images on which only the first, only the second has one.
    p: signed-rank p-value, corrected over all cells of the metric; NaN for fewer than FEWEST images.
    verdict: ``better`` and ``worse`` where the whole interval lies beyond the margin and p < 5 %, ``lost`` where the
        second failed on an image that the first solved, ``few`` where nothing could be tested, else ``same``.
    """

    task: str
    level: str
    dataset: str
    method: str
    metric: str
    protocol: str
    unit: str
    decimals: int
    higher_is_better: bool
    n: int
    first: float
    second: float
    delta: float
    interval: Interval
    p: float
    lost: int
    gained: int
    verdict: Verdict = "same"

    def json(self) -> dict[str, Any]:
        """JSON-ready: what has no finite value is None."""
        plain = {
            name: getattr(self, name)
            for name in ("task", "level", "dataset", "method", "metric", "protocol", "unit", "n", "lost", "gained")
        }
        numbers = {"first": self.first, "second": self.second, "delta": self.delta, "p": self.p}
        numbers |= {"low": self.interval.low, "high": self.interval.high}
        return (
            plain
            | {name: value if math.isfinite(value) else None for name, value in numbers.items()}
            | {"verdict": self.verdict}
        )


def compare(
    first: pd.DataFrame,
    second: pd.DataFrame,
    *,
    by_method: bool,
    ropes: Mapping[str, float] | None = None,
    seed: int = 0,
) -> list[Difference]:
    """Compare the cells that both result frames have, paired by image; metrics that only check are left out.

    by_method: True for two runs (every method with itself), False for two frames of one method each.
    ropes: metric -> practical margin in its unit; the entry "" is for all others.
    """
    group = [*CONDITION, *(["method", "method_params", "method_label"] if by_method else []), "metric", "protocol"]
    one, two = _prepared(first, group), _prepared(second, group)
    both = one.merge(two, on=[*group, "image"], suffixes=("", "_b"))
    found = [
        _difference(dict(zip(group, map(str, key), strict=True)), rows, seed)
        for key, rows in both.groupby(group, sort=False, observed=True)
    ]
    found = [d for d in found if direction(d.metric, d.higher_is_better) is not None and d.n + d.lost + d.gained]
    return _judged(found, ropes or {})


def _prepared(frame: pd.DataFrame, group: Sequence[str]) -> pd.DataFrame:
    """One row per group and image: the mean over repeats, as objects that merge whatever their dtype was."""
    frame = frame[(frame["status"].astype(str) != "pending").to_numpy()]  # not run is not lost
    rows = frame[[*group, *_PAIR, "unit", "decimals", "higher_is_better"]].copy()
    value = pd.to_numeric(frame["value"], errors="coerce").astype("float64")
    rows["value"] = value.where(frame["status"].astype(str) == "ok")
    for name in (*group, "image"):
        rows[name] = rows[name].astype(object)
    rows = rows.groupby([*group, "image"], sort=False, observed=True, dropna=False)
    return rows.agg({"value": "mean", "unit": "first", "decimals": "first", "higher_is_better": "first"}).reset_index()


def _difference(names: Mapping[str, str], rows: pd.DataFrame, seed: int) -> Difference:
    a, b = rows["value"].to_numpy(float), rows["value_b"].to_numpy(float)
    kept = ~(np.isnan(a) | np.isnan(b))
    found = paired(a, b, seed=seed)
    row = rows.iloc[0]
    unit = row["unit"]
    return Difference(
        task=names["task"],
        level=names["level"],
        dataset=names["dataset"],
        method=names.get("method_label", ""),
        metric=names["metric"],
        protocol=names["protocol"],
        unit="" if pd.isna(unit) else str(unit),
        decimals=2 if pd.isna(row["decimals"]) else int(row["decimals"]),
        higher_is_better=bool(row["higher_is_better"]),
        n=found.n,
        first=float(a[kept].mean()) if kept.any() else math.nan,
        second=float(b[kept].mean()) if kept.any() else math.nan,
        delta=found.delta,
        interval=found.interval,
        p=found.p,
        lost=int((~np.isnan(a) & np.isnan(b)).sum()),
        gained=int((np.isnan(a) & ~np.isnan(b)).sum()),
    )


def _judged(found: Sequence[Difference], ropes: Mapping[str, float]) -> list[Difference]:
    """Correct the p-values of each metric together, then judge."""
    p = np.full(len(found), math.nan)
    for metric in dict.fromkeys(d.metric for d in found):
        mine = [n for n, d in enumerate(found) if d.metric == metric]
        p[mine] = holm([found[n].p for n in mine])
    return [
        replace(d, p=float(q), verdict=_verdict(d, float(q), ropes.get(d.metric, ropes.get("", 0.0))))
        for d, q in zip(found, p, strict=True)
    ]


def _verdict(d: Difference, p: float, rope: float) -> Verdict:
    if d.lost:
        return "lost"
    if d.n < FEWEST:
        return "few"
    sign = 1 if d.higher_is_better else -1
    low, high = sorted((sign * d.interval.low, sign * d.interval.high))
    if math.isnan(low):  # an infinite difference has no interval, but a direction
        low = high = sign * d.delta
    if p < ALPHA and low > rope:
        return "better"
    return "worse" if p < ALPHA and high < -rope else "same"


def comparison_table(found: Sequence[Difference], *, first: str, second: str) -> TableModel:
    """The differences as a table: what does not vary is left out of its columns."""
    names = [n for n in ("task", "level", "dataset", "method") if len({getattr(d, n) for d in found}) > 1]
    names = names or ["task"]
    columns = [Column(title=name, align="left") for name in (*names, "metric")]
    columns += [Column(title=text) for text in (first, second, "Δ", "95 % interval", "p", "images")]
    columns.append(Column(title="verdict", align="left"))
    rows = []
    for d in found:
        unit = f" [{d.unit}]" if d.unit else ""
        head = [*(getattr(d, name) for name in names), f"{METRIC_NAMES.get(d.metric, d.metric)}{unit}"]
        numbers = [_number(d.first, d), _number(d.second, d), _number(d.delta, d, signed=True)]
        ends = [_number(end, d, signed=True).text for end in (d.interval.low, d.interval.high)]
        interval = f"{ends[0]} … {ends[1]}" if ends[0] else ""
        p = "" if math.isnan(d.p) else f"{d.p:.3f}" if d.p >= 0.001 else "<0.001"
        count = f"{d.n} (lost {d.lost})" if d.lost else str(d.n)
        tail = [interval, p, count, VERDICTS[d.verdict]]
        rows.append(Row(cells=(*map(_text, head), *numbers, *map(_text, tail))))
    return TableModel(name="comparison", title=f"{second} against {first}", columns=tuple(columns), rows=tuple(rows))


VERDICTS: Mapping[str, str] = {
    "better": "better",
    "worse": "worse",
    "same": "same",
    "lost": "lost (fails where the first did not)",
    "few": f"not tested (fewer than {FEWEST} images)",
}


def _text(text: str) -> Cell:
    return Cell(text=text)


def _number(value: float, d: Difference, *, signed: bool = False) -> Cell:
    if math.isnan(value):
        return Cell(text="")
    text = number(value, d.decimals)
    return Cell(text=f"+{text}" if signed and value > 0 else text, value=value)
