"""The last lines of ``benchhost run``: what was computed and where everything lies."""

from pathlib import Path
from types import SimpleNamespace

from benchhost.cli.run import _where

OUTCOME = SimpleNamespace(computed=3, reused=1, seconds=2.4, run_id="r1", folder=Path("results"))
HERE = Path("results/runs/r1")


def test_figures_are_counted_once_and_other_reports_named():
    written = [HERE / name for name in ("report.md", "a.pdf", "a.png", "b.pdf", "b.png")]
    assert _where(OUTCOME, written, HERE, "").splitlines() == [
        "3 cells computed, 1 reused from the store, 2 s",
        "run      r1",
        "store    results/benchhost.sqlite",
        "reports  results/runs/r1/: report.md, 2 figures (PDF and PNG)",
    ]


def test_without_reports_none_are_named():
    assert "reports" not in _where(OUTCOME, [], HERE, "")


def test_another_store_is_named_without_its_password():
    assert "store    postgresql+psycopg://me:***@host/bench" in _where(
        OUTCOME, [], HERE, "postgresql+psycopg://me:secret@host/bench"
    )
    assert "store    elsewhere" in _where(OUTCOME, [], HERE, "elsewhere")
