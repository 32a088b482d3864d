"""Cells and records for a store, without running anything."""

import hashlib
from collections.abc import Callable
from typing import Any

import pytest

from benchhost.execute.record import blank
from benchhost.plan import Cell
from benchhost.types import Metric

PSNR, MSE = "psnr/255/clip", "mse/1"
METRICS = {
    PSNR: Metric(id=PSNR, target="a:b", summary="", higher_is_better=True, unit="dB", version=2),
    MSE: Metric(id=MSE, target="a:c", summary="", higher_is_better=False, decimals=4),
}


@pytest.fixture
def metrics() -> dict[str, Metric]:
    return METRICS


@pytest.fixture
def cells() -> Callable[..., list[Cell]]:
    def make(count: int = 3, *, method: str = "tv", tag: str = "", **changes: Any) -> list[Cell]:
        made = []
        for number in range(count):
            key = hashlib.blake2b(f"{tag}{method}{number}".encode(), digest_size=20).hexdigest()
            facts = {
                "task": "denoise", "task_params": {"sigma": 25.0}, "level": "sigma=25", "dataset": "set12",
                "image": f"{number:02d}.png", "repeat": 0, "seed": 0, "method": method,
                "method_params": {"weight": None}, "method_label": method.upper(), "metrics": (PSNR, MSE),
                "measurement_key": key[::-1], "key": key,
            }  # fmt: skip
            made.append(Cell(**facts | changes))
        return made

    return make


@pytest.fixture
def ok() -> Callable[..., dict[str, Any]]:
    def make(cell: Cell, value: float = 30.0, **changes: Any) -> dict[str, Any]:
        record = blank(cell, threads=1)
        facts = {
            m.id: {"metric": m.id, "version": m.version, "higher_is_better": m.higher_is_better, "unit": m.unit,
                   "decimals": m.decimals} for m in METRICS.values()
        }  # fmt: skip
        record.update(
            status="ok", reason="", scores={PSNR: value, MSE: 0.001}, metric_facts=facts, seconds=0.5, peak=value + 1,
            setup_seconds=0.1, timing_valid=True, peak_rss_mb=300.0, artifact="x.safetensors",
            finished_at="2024-05-01T12:00:00.000000+00:00",
        )  # fmt: skip
        return record | changes

    return make
