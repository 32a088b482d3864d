"""What a caption states: task, level, dataset, n, protocol, seed, hardware, date and the command."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from benchhost.report.results import Results
from benchhost.report.wording import condition, listed, metric_titles

MEAN_SD = "Values are mean ± sample standard deviation over images."
MEAN = "Values are means over images."


def caption(
    results: Results,
    table: pd.DataFrame,
    *,
    what: str,
    scores: bool = True,
    times: bool = True,
    values: str = MEAN_SD,
    note: str = "",
) -> str:
    """The caption of a table made from rows of ``results.table``; ``what`` opens it.

    scores: False for a table of times, which has no protocol.
    times: whether the table shows times.
    values: what the numbers are.
    note: said before where the numbers come from.
    """
    parts = [f"{what}: {_conditions(table)}"]
    if scores:
        parts += [_protocols(table), values, _tests(table)]
    parts.append(note)
    parts += [_provenance(results), _timing(table) if times else ""]
    return " ".join(part for part in parts if part)


def _tests(table: pd.DataFrame) -> str:
    """Silence about significance is not significance: say where nothing was tested."""
    from benchhost.stats.paired import FEWEST

    few = table["n"][table["n"] > 0].min() < FEWEST if len(table) else False
    return f"Differences over fewer than {FEWEST} images are not tested." if few else ""


def hardware(results: Results) -> str:
    """``AMD EPYC 7B13, 1 thread per cell, torch 2.13.0``, from the run's environment and the rows themselves."""
    environment = results.run.get("environment") or {}
    environment = environment if isinstance(environment, Mapping) else {}
    device = listed(_distinct(results.frame["device"]))
    gpus = environment.get("gpu") or []
    named = [str(gpu) for gpu in gpus] if isinstance(gpus, list | tuple) else [str(gpus)]
    machine = listed(named) if named and device.startswith("cuda") else str(environment.get("cpu") or "")
    threads = _distinct(results.frame["threads"])
    parts = [machine or device]
    if len(threads) == 1 and threads[0] not in ("", "0"):
        parts.append(f"{threads[0]} thread{'s' if threads[0] != '1' else ''} per cell")
    if environment.get("torch"):
        parts.append(f"torch {environment['torch']}")
    return ", ".join(part for part in parts if part)


def _distinct(values: pd.Series) -> list[str]:
    found = [value for value in values.dropna().unique() if value != ""]
    return [str(int(v)) if isinstance(v, float) and v.is_integer() else str(v) for v in found]


def _conditions(table: pd.DataFrame) -> str:
    """``cs ratio=0.1 and ratio=0.25 on set11 (11 images).``"""
    tasks = []
    for task, rows in table.groupby("task", sort=False, observed=True):
        levels = [str(level) for level in rows["level"].unique()]
        images = rows.groupby("dataset", sort=False, observed=True)["images"].max()
        sets = [f"{name} ({int(n)} image{'s' if n != 1 else ''})" for name, n in images.items()]
        tasks.append(f"{condition(str(task), listed(levels))} on {listed(sets)}")
    return f"{'; '.join(tasks)}." if tasks else ""


def _protocols(table: pd.DataFrame) -> str:
    pairs = list(dict.fromkeys(zip(table["metric"].astype(str), table["protocol"].astype(str), strict=True)))
    titles = metric_titles(pairs)
    by_title: dict[str, list[str]] = {}
    for pair in pairs:
        by_title.setdefault(titles[pair].partition(" (")[0], []).append(pair[1])
    said = [f"{title} {listed(protocols)}" for title, protocols in by_title.items()]
    return f"Protocol: {'; '.join(said)}." if said else ""


def _provenance(results: Results) -> str:
    run: Mapping[str, Any] = results.run
    parts = []
    if run.get("seed") is not None:
        parts.append(f"Seed {run['seed']}.")
    if hardware(results):
        parts.append(f"{hardware(results)}.")
    identity = ", ".join(str(part) for part in (run.get("run_id"), str(run.get("started_at", ""))[:10]) if part)
    if identity:
        parts.append(f"Run {identity}.")
    if run.get("command"):
        parts.append(f"Command: {run['command']}")
    return " ".join(parts)


def _timing(table: pd.DataFrame) -> str:
    timed = table[table["median_seconds"].notna()]
    if timed.empty or timed["timing_valid"].all():
        return ""
    return "(Times were taken while other work ran: they are indicative.)"
