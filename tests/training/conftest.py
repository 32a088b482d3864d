import sys
from pathlib import Path

import pytest

from benchhost.plugins import load
from benchhost.training.run import run_training

SMOOTHER = Path(__file__).parent / "smoother.py"


@pytest.fixture(scope="session")
def smoother_file():
    return SMOOTHER


@pytest.fixture(scope="session")
def catalogue():
    made = load([SMOOTHER], installed=False)
    yield made
    sys.modules.pop("smoother", None)


@pytest.fixture
def train(catalogue, monkeypatch):
    """``train(folder, steps=20, ...)``: train the smoother on the CPU; gives the notes.  Drawn only with ``figure``."""

    def run(folder, *, name="smoother", catalogue=catalogue, figure=False, **options):
        notes = []
        if not figure:  # a second each
            monkeypatch.setattr("benchhost.training.run.draw", lambda folder: [])
        options = {"log_every": 5, "device": "cpu", **options}
        run_training(name, catalogue, out=str(folder), note=notes.append, **options)
        return notes

    return run
