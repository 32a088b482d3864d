"""The pool of children: same numbers however many, shared work, limits, and nothing left running."""

import os
from itertools import pairwise

import pandas as pd
import pytest

from benchhost.execute.pool import Pool

METHODS = "synthetic-dither,synthetic-landweber,synthetic-adjoint"


def scores(frame):
    return frame.set_index(["key", "metric"])[["value", "peak"]].sort_index()


def test_scores_are_the_same_to_the_last_bit_in_one_child_in_two_and_in_this_process(plan, run, tmp_path):
    cells = plan(METHODS, tasks="synthetic:all", limit=3)
    one = run(cells, folder=tmp_path / "one", workers=1)
    two = run(cells, folder=tmp_path / "two", workers=2)
    here = run(cells, folder=tmp_path / "here", isolation=False)
    assert set(one["status"]) == {"ok"}
    pd.testing.assert_frame_equal(scores(one), scores(two), check_exact=True)
    pd.testing.assert_frame_equal(scores(one), scores(here), check_exact=True)
    assert one["timing_valid"].isin([True, False]).all()
    assert not two["timing_valid"].any()


def test_a_child_may_be_an_interpreter_of_its_own(plan, run):
    frame = run(plan("fault-exits:image=2", limit=3), start="spawn", workers=1)
    rows = frame.drop_duplicates("key")
    assert rows["status"].tolist() == ["ok", "crashed", "ok"]
    assert rows["reason"].iloc[1] == "exit code 17 during reconstruct"


def test_an_idle_worker_joins_a_long_batch(plan, run, monkeypatch):
    monkeypatch.setenv("BENCHHOST_SLOW", "1.0")
    spans = {}

    def observe(cell, record):
        spans[cell.image] = pd.Timestamp(record["started_at"]), pd.Timestamp(record["finished_at"])

    frame = run(plan("fault-slow", limit=8), workers=2, observer=observe)
    assert set(frame["status"]) == {"ok"}
    ordered = sorted(spans.values())
    assert any(later[0] < earlier[1] for earlier, later in pairwise(ordered))


def test_the_loss_of_the_fork_server_costs_no_cell(plan, run, monkeypatch):
    pools = []
    original = Pool.run
    monkeypatch.setattr(Pool, "run", lambda self, works: (pools.append(self), original(self, works))[1])

    def kill_server_once(cell, record):
        if pools and pools[0]._launcher._server is not None:
            os.kill(pools[0]._launcher._server.pid, 9)

    frame = run(plan("synthetic-pinv", limit=6), workers=1, observer=kill_server_once)
    assert frame.drop_duplicates("key")["status"].tolist() == ["ok"] * 6


def test_skipped_cells_are_recorded_without_running(plan, run):
    from dataclasses import replace

    cells = plan("synthetic-pinv,fault-exits", limit=1)
    cells = [replace(cell, skip="needs a prior") if cell.method == "fault-exits" else cell for cell in cells]
    told = []
    frame = run(cells, isolation=False, observer=lambda cell, record: told.append((cell.method, record["status"])))
    assert ("fault-exits", "skipped") in told
    rows = frame.drop_duplicates("key").set_index("method")
    assert rows.loc["fault-exits", ["status", "reason"]].tolist() == ["skipped", "needs a prior"]
    assert rows.loc["synthetic-pinv", "status"] == "ok"


def test_the_exclusive_pass_changes_times_alone(plan, run, tmp_path, monkeypatch):
    monkeypatch.setattr("benchhost.execute.local.SETTLE_SECONDS", 0.0)
    cells = plan(METHODS, limit=2)
    plain = run(cells, folder=tmp_path / "plain", isolation=False)
    kinds = []
    timed = run(
        cells,
        folder=tmp_path / "timed",
        isolation=False,
        exclusive_timing=True,
        observer=lambda cell, record: kinds.append(record["kind"]),
    )
    assert kinds == ["run"] * 6 + ["time"] * 6
    pd.testing.assert_frame_equal(scores(plain), scores(timed), check_exact=True)
    assert timed["seconds"].notna().all()


def test_options_are_settled_from_the_machine_and_checked(tmp_path):
    from benchhost.errors import UsageError
    from benchhost.execute import Options
    from benchhost.execute.limits import cores

    settled = Options(results=tmp_path).settled()
    assert settled.workers == cores()
    assert settled.threads == 1
    assert settled.memory_gb > 0
    assert Options(results=tmp_path, workers=1).settled().threads == cores()
    assert Options(results=tmp_path, device="cuda").settled().workers == 1
    with pytest.raises(UsageError, match="timeout_s must be greater than 0, got 0"):
        Options(results=tmp_path, timeout_s=0).settled()
    with pytest.raises(UsageError, match="save must be 'all' or 'none', got 'some'"):
        Options(results=tmp_path, save="some").settled()
