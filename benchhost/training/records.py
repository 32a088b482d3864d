"""What a run writes down while it trains: two CSV files and a figure of the curves."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor


class Journal:
    """``training.csv``, a row every few steps, and ``validation.csv``, a row a validation, appended as they happen."""

    def __init__(self, folder: Path) -> None:
        self.training, self.validation = folder / "training.csv", folder / "validation.csv"
        self._last = (0.0, 0.0)

    def begin(self, seconds: float) -> None:
        """A process takes up the run at ``seconds`` of training."""
        self._last = (seconds, 0.0)

    def cut(self, step: int) -> None:
        """Drop the rows after ``step``: what they tell of was lost with the process, and is trained again."""
        for path in (self.training, self.validation):
            if not path.is_file():
                continue
            with path.open(newline="", encoding="utf-8") as file:
                whole = [line for line in file if line.endswith("\n")]  # the last one may have been torn by a kill
            rows = list(csv.reader(whole))
            kept = [row for row in rows[1:] if int(row[0]) <= step]
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([*rows[:1], *kept])

    def row(
        self, *, step: int, seconds: float, steps: int, loss: float, norm: float, rate: float, waited: float
    ) -> dict[str, Any]:
        """Write the averages of the last ``steps`` steps; ``waited``: seconds this process waited for data."""
        before, waited_before = self._last
        elapsed = seconds - before
        row = {
            "step": step,
            "seconds": round(seconds, 2),
            "loss": loss,
            "gradient_norm": norm,
            "rate": rate,
            "steps_per_second": steps / elapsed if elapsed > 0 else math.nan,
            "wait_share": (waited - waited_before) / elapsed if elapsed > 0 else 0.0,
        }
        self._last = (seconds, waited)
        _append(self.training, row)
        return row

    def validated(self, *, step: int, seconds: float, figures: Mapping[str, float]) -> None:
        """Write a validation's figures."""
        _append(self.validation, {"step": step, "seconds": round(seconds, 2), **figures})


class Meter:
    """Sums of loss and gradient norm since the last log row, kept on the device: reading them would make it wait."""

    def __init__(self) -> None:
        self.steps = 0
        self._sums: Tensor | None = None

    def add(self, loss: Tensor, norm: Tensor) -> None:
        """Take in one step."""
        pair = torch.stack([loss.float(), norm.float()])
        self._sums = pair if self._sums is None else self._sums + pair
        self.steps += 1

    def finite(self) -> bool:
        """Whether every loss and gradient since the last row was a finite number."""
        return self._sums is None or bool(self._sums.isfinite().all())

    def take(self) -> tuple[int, Tensor]:
        """Steps, and the means of loss and norm (2,); the sums start again."""
        steps, means = self.steps, self._sums / self.steps
        self.steps, self._sums = 0, None
        return steps, means


def read_rows(path: Path) -> list[dict[str, float]]:
    """A journal's file as numbers."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def duration(seconds: float) -> str:
    """``1 h 05 min``, ``12 min``, ``8 s``."""
    if not math.isfinite(seconds):
        return "unknown time"
    seconds = max(0.0, seconds)
    minutes = int(seconds // 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes else f"{int(seconds)} s"


def _append(path: Path, row: Mapping[str, Any]) -> None:
    new = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
