"""Synthetic results in several states of repair."""

from pathlib import Path

import pytest

from benchhost.report import Results
from benchhost.report.synthetic import synthetic


@pytest.fixture
def whole() -> Results:
    """Everything worked."""
    return synthetic()


@pytest.fixture
def holed() -> Results:
    """One image out of memory, one method skipped everywhere, one that never ended, and a lower-is-better metric."""
    return synthetic(
        methods=("baseline", "tv", "dip:iterations=500", "slow", "odd_name|*"),
        metrics=("psnr", "ssim", "consistency"),
        failures={
            ("tv", "image01"): ("oom", "memory cap 4 GB exceeded"),
            ("baseline", "*"): ("skipped", "needs linear, which jpeg does not offer"),
            ("slow", "*"): ("timeout", "60 s per image"),
        },
    )


@pytest.fixture
def drawn(monkeypatch):
    """The figures that would have been saved; writing a PDF takes longer than all the rest."""
    found = []

    def keep(figure, path: Path) -> list[Path]:
        found.append(figure)
        return [path]

    for module in ("scatter", "levels", "curves", "images", "memory", "ranks", "strip"):
        monkeypatch.setattr(f"benchhost.report.figures.{module}.save", keep)
    return found
