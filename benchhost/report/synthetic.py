"""A small synthetic :class:`Results`, the same at every call: for tests of reports, and for trying a reporter."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchhost.report.results import COLUMNS, TRACE_COLUMNS, Results

METRICS = {
    "psnr": ("255/clip_round@1", True, "dB", 2, 28.0, 2.0),
    "ssim": ("wang@1", True, "", 4, 0.8, 0.05),
    "consistency": ("l2@1", False, "", 4, 0.1, 0.02),
}
"""Protocol, higher is better, unit, decimals, mean and spread of what is drawn."""


def synthetic(
    *,
    tasks: Mapping[str, Sequence[str]] | None = None,
    datasets: Sequence[str] = ("set-a", "set-b"),
    images: int = 4,
    methods: Sequence[str] = ("baseline", "tv", "dip:iterations=500"),
    metrics: Sequence[str] = ("psnr", "ssim"),
    failures: Mapping[tuple[str, str], tuple[str, str]] | None = None,
    repeats: int = 1,
    seed: int = 0,
) -> Results:
    """Every (task level, dataset, image, method, metric) with drawn values; later methods score better, and slower.

    tasks: task -> its levels, as labels like ``ratio=0.1``.
    failures: (method label, image) -> (status, reason); the image ``*`` means all of them.
    """
    tasks = tasks if tasks is not None else {"cs": ("ratio=0.1", "ratio=0.25"), "denoise": ("sigma=25",)}
    failures = failures or {}
    rng = np.random.RandomState(seed)
    rows: list[dict[str, Any]] = []
    for task, levels in tasks.items():
        for level in levels:
            for dataset in datasets:
                for image in (f"image{n:02d}" for n in range(images)):
                    hardness = rng.randn()
                    for repeat in range(repeats):
                        for place, method in enumerate(methods):
                            fate = failures.get((method, image)) or failures.get((method, "*")) or ("ok", "")
                            cell = _cell(task, level, dataset, image, repeat, method, place, fate)
                            luck = hardness + 0.5 * place + 0.1 * rng.randn()
                            rows += [_scored(cell, metric, luck, first=metric == metrics[0]) for metric in metrics]
    run = {
        "run_id": "01SYNTHETIC",
        "command": f"benchhost run --tasks {','.join(tasks)} --methods {','.join(methods)}",
        "started_at": "2026-01-02T03:04:05+00:00",
        "seconds": 61.5,
        "seed": seed,
        "results": "results",
        "environment": {"cpu": "Example CPU", "torch": "2.13.0", "gpu": []},
    }
    frame = pd.DataFrame(rows, columns=list(COLUMNS))
    return Results(frame=frame, run=run, traces=_traces(frame, metrics[0]))


def _cell(
    task: str, level: str, dataset: str, image: str, repeat: int, method: str, place: int, fate: tuple[str, str]
) -> dict[str, Any]:
    name, _, said = method.partition(":")
    return {
        "run_id": "01SYNTHETIC",
        "key": f"{task}-{level}-{dataset}-{image}-{repeat}-{method}",
        "task": task,
        "task_params": json.dumps(dict(part.split("=") for part in level.split(",") if "=" in part)),
        "level": level,
        "dataset": dataset,
        "image": image,
        "repeat": repeat,
        "seed": 0,
        "method": name,
        "method_params": json.dumps(dict(part.split("=") for part in said.split(",") if "=" in part)),
        "method_label": method,
        "status": fate[0],
        "reason": fate[1],
        "seconds": 0.05 * 10**place * (1 + 0.1 * (hash_of(image) % 5)) if fate[0] == "ok" else np.nan,
        "setup_seconds": 0.0 if fate[0] == "ok" else np.nan,
        "timing_valid": True,
        "threads": 1,
        "device": "cpu",
        "peak_rss_mb": 200.0 + 150.0 * place if fate[0] == "ok" else np.nan,
        "trained_on_test": False,
        "finished_at": "2026-01-02T03:04:05+00:00",
        "artifact": "",
    }


def hash_of(text: str) -> int:
    """A small number from a text, the same in every process."""
    return sum(text.encode())


def _scored(cell: dict[str, Any], metric: str, luck: float, *, first: bool) -> dict[str, Any]:
    protocol, higher, unit, decimals, mean, spread = METRICS[metric]
    value = mean + spread * (luck if higher else -luck)
    ok = cell["status"] == "ok"
    return {
        **cell,
        "metric": metric,
        "protocol": protocol,
        "primary": first,
        "value": value if ok else np.nan,
        "peak": value + 0.2 * spread if ok and first and ":" in cell["method_label"] else np.nan,
        "higher_is_better": higher,
        "unit": unit,
        "decimals": decimals,
    }


def _traces(frame: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Iterates of the methods that have a peak: a rise to it and a slow fall after, on 20 steps; and a residual."""
    id = f"{metric}/{METRICS[metric][0].partition('@')[0]}"
    peaked = frame[(frame["metric"] == metric) & frame["peak"].notna()]
    steps = np.arange(1, 21)
    shape = 1 - np.abs(np.log(steps / 12)) / 4
    parts = []
    for key, seconds, peak in zip(peaked["key"], peaked["seconds"], peaked["peak"], strict=True):
        for name, values in ((id, peak * shape), ("residual", 1 / steps)):
            columns = {"key": key, "step": 25 * steps, "seconds": seconds * steps / 20, "metric": name, "value": values}
            parts.append(pd.DataFrame(columns))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(TRACE_COLUMNS))


def of_size(rows: int) -> Results:
    """At least so many rows: 8 tasks of 4 levels, 2 sets, 20 methods, 3 metrics, as many images as it takes."""
    tasks = {f"task{number}": tuple(f"level={level}" for level in range(4)) for number in range(8)}
    methods = [f"method{number}" for number in range(20)]
    each = len(tasks) * 4 * 2 * len(methods) * len(METRICS)
    return synthetic(tasks=tasks, methods=methods, metrics=tuple(METRICS), images=-(-rows // each))


def main(arguments: Sequence[str] | None = None) -> None:
    """Write records of a size, to try ``benchhost report --records`` with."""
    import argparse

    from benchhost.report.records import write_records

    parser = argparse.ArgumentParser(prog="python -m benchhost.report.synthetic", description=main.__doc__)
    parser.add_argument("rows", type=int)
    parser.add_argument("file")
    options = parser.parse_args(arguments)
    write_records(of_size(options.rows), options.file)


if __name__ == "__main__":
    main()
