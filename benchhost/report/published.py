"""Figures that others published (``published.toml``): shown in rows of their own, never mixed with measured ones."""

from __future__ import annotations

import json
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from benchhost.report.bibliography import short

FILE = Path(__file__).with_name("published.toml")


@dataclass(frozen=True, kw_only=True)
class Published:
    """One published table.

    source: key in the bibliography.  where: table or page.  note: what it measures.
    papers: presets of ``--paper`` that it belongs to.
    task, metric: our names.  parameter, values: the task parameter across and its values.
    params: further parameters that a cell of ours must have to stand beside it; one that it does not state is off.
    datasets: our name -> in what the images differ from ours, "" for nothing.
    rows: method -> dataset -> one figure per value, NaN for none.
    """

    source: str
    where: str
    note: str
    papers: tuple[str, ...]
    task: str
    metric: str
    parameter: str
    values: tuple[float, ...]
    datasets: Mapping[str, str]
    rows: Mapping[str, Mapping[str, tuple[float, ...]]]
    params: Mapping[str, Any]

    def figure(self, method: str, task: str, task_params: str, dataset: str, metric: str) -> float | None:
        """The figure of ``method`` under our condition, or None.  ``task_params`` is the frame's JSON."""
        if (task, metric) != (self.task, self.metric) or dataset not in self.rows[method]:
            return None
        ours = json.loads(task_params or "{}")
        if any(ours.get(name, False) != value for name, value in self.params.items()):  # what is not stated is off
            return None
        for value, figure in zip(self.values, self.rows[method][dataset], strict=True):
            if _number(ours.get(self.parameter)) == value and not math.isnan(figure):
                return figure
        return None

    def decimals(self) -> int:
        """Decimals that the paper prints: the most of any figure."""
        texts = [repr(figure) for row in self.rows.values() for figures in row.values() for figure in figures]
        return max(len(text.partition(".")[2]) for text in texts if text != "nan")

    def remark(self, datasets: list[str]) -> str:
        """What a reader must know to compare, for those of ``datasets`` that are shown."""
        differ = [f"{name}: {self.datasets[name]}" for name in datasets if self.datasets.get(name)]
        return "; ".join([f"reported, not measured here: {short(self.source)}, {self.where}", self.note, *differ])


@cache
def published(path: Path = FILE) -> tuple[Published, ...]:
    """Every published table of the data file."""
    with path.open("rb") as file:
        tables = tomllib.load(file)["table"]
    return tuple(_table(raw) for raw in tables)


def _table(raw: Mapping[str, Any]) -> Published:
    rows = {
        method: {name: tuple(map(float, figures)) for name, figures in row.items()}
        for method, row in raw["rows"].items()
    }
    for method, row in rows.items():
        for name, figures in row.items():
            if name not in raw["datasets"] or len(figures) != len(raw["values"]):
                raise ValueError(f"published figures of '{method}' on '{name}' do not fit {raw['where']}")
    return Published(
        source=raw["source"],
        where=raw["where"],
        note=raw["note"],
        papers=tuple(raw["papers"]),
        task=raw["task"],
        metric=raw["metric"],
        parameter=raw["parameter"],
        values=tuple(map(float, raw["values"])),
        datasets=raw["datasets"],
        rows=rows,
        params=raw.get("params", {}),
    )


def _number(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None
