"""What a run writes down while it trains: two CSV files and a figure of the curves."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

COLUMNS = ("step", "seconds", "loss", "gradient_norm", "rate", "steps_per_second", "wait_share")


class Journal:
    """``training.csv``, a row every few steps, and ``validation.csv``, a row a validation, appended as they happen."""

    def __init__(self, folder: Path) -> None:
        self.training, self.validation = folder / "training.csv", folder / "validation.csv"
        self._count, self._last = 0, (0.0, 0.0)
        self._loss: Tensor | None = None
        self._norm: Tensor | None = None

    def begin(self, seconds: float) -> None:
        """A process takes up the run at ``seconds`` of training."""
        self._last = (seconds, 0.0)

    def cut(self, step: int) -> None:
        """Drop the rows after ``step``: what they tell of was lost with the process, and is trained again."""
        for path in (self.training, self.validation):
            if not path.is_file():
                continue
            with path.open(newline="", encoding="utf-8") as file:
                rows = list(csv.reader(file))
            kept = [row for row in rows[1:] if row and row[0].isdigit() and int(row[0]) <= step]
            with path.open("w", newline="", encoding="utf-8") as file:
                csv.writer(file).writerows([*rows[:1], *kept])

    def add(self, loss: Tensor, norm: Tensor) -> None:
        """Take in one step's loss and gradient norm; nothing is read back from the device here."""
        self._loss = loss if self._loss is None else self._loss + loss
        self._norm = norm if self._norm is None else self._norm + norm
        self._count += 1

    def finite(self) -> bool:
        """Whether every loss and gradient since the last row was a finite number."""
        return self._loss is None or math.isfinite(self._loss.item() + self._norm.item())

    def row(self, *, step: int, seconds: float, rate: float, waited: float) -> dict[str, Any]:
        """Write the mean of the steps since the last row."""
        before, waited_before = self._last
        elapsed = seconds - before
        row = {
            "step": step,
            "seconds": round(seconds, 2),
            "loss": float(self._loss) / self._count,
            "gradient_norm": float(self._norm) / self._count,
            "rate": rate,
            "steps_per_second": self._count / elapsed if elapsed > 0 else math.nan,
            "wait_share": (waited - waited_before) / elapsed if elapsed > 0 else 0.0,
        }
        self._count, self._loss, self._norm, self._last = 0, None, None, (seconds, waited)
        _append(self.training, row)
        return row

    def validated(self, *, step: int, seconds: float, figures: Mapping[str, float]) -> None:
        """Write a validation's figures."""
        _append(self.validation, {"step": step, "seconds": round(seconds, 2), **figures})


def read_rows(path: Path) -> list[dict[str, float]]:
    """A journal's file as numbers."""
    with path.open(newline="", encoding="utf-8") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def duration(seconds: float) -> str:
    """``1 h 05 min``, ``12 min``, ``8 s``."""
    if not math.isfinite(seconds):
        return "unknown time"
    minutes = int(seconds // 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60:02d} min"
    return f"{minutes} min" if minutes else f"{max(0, int(seconds))} s"


def _append(path: Path, row: Mapping[str, Any]) -> None:
    new = not path.is_file()
    with path.open("a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, fieldnames=list(row))
        if new:
            writer.writeheader()
        writer.writerow(row)
