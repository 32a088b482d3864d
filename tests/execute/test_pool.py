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
    assert Options(results=tmp_path, workers=1).settled().threads == 1  # other work may hold the other cores
    assert Options(results=tmp_path, workers=1, threads=3).settled().threads == 3
    assert Options(results=tmp_path, device="cuda").settled().workers == 1
    with pytest.raises(UsageError, match="timeout_s must be greater than 0, got 0"):
        Options(results=tmp_path, timeout_s=0).settled()
    with pytest.raises(UsageError, match="save must be 'all' or 'none', got 'some'"):
        Options(results=tmp_path, save="some").settled()


def test_metrics_are_added_from_stored_reconstructions_and_lost_ones_are_named(plan, run, catalogue, tmp_path):
    from benchhost import execute
    from benchhost.store import Store
    from benchhost.store.artifacts import artifact_path

    cells = plan("synthetic-dither", limit=3)
    run(cells, isolation=False)
    (tmp_path / artifact_path(cells[1].key)).unlink()
    options = execute.Options(results=tmp_path, isolation=False)
    with Store.open(tmp_path) as store:
        run_id = store.run()["run_id"]
        wider = store.add_metrics(run_id, ["psnr/255/clip", "ssim/wang"])
        lost = execute.rescore(wider, store=store, run_id=run_id, options=options, catalogue=catalogue)
        assert [cell.key for cell in lost] == [cells[1].key]
        assert store.missing_metrics(wider, metrics=catalogue.metrics) == lost
        frame = store.frame(run_id).query("protocol == '255/clip@1'")
        assert frame["value"].isna().tolist() == [False, True, False]
        assert (store.attempts(run_id)["kind"] == "run").sum() == 3  # no method ran again


def test_a_finished_run_is_timed_again_alone(plan, run, catalogue, tmp_path, monkeypatch):
    from benchhost import execute
    from benchhost.store import Store

    monkeypatch.setattr("benchhost.execute.local.SETTLE_SECONDS", 0.0)
    monkeypatch.setattr("benchhost.cell.load1", lambda: 0.0)
    cells = plan("synthetic-pinv,synthetic-landweber", limit=3)
    before = run(cells, isolation=False, save="none")
    options = execute.Options(results=tmp_path, isolation=False)
    with Store.open(tmp_path) as store:
        run_id = store.run()["run_id"]
        execute.time_again(cells, store=store, run_id=run_id, options=options, catalogue=catalogue)
        after = store.frame(run_id)
    assert after["timing_valid"].all()
    assert not before["timing_valid"].all()
    pd.testing.assert_frame_equal(scores(before), scores(after), check_exact=True)


LOOSE = """
import os

import torch

from benchhost.hookspecs import hookimpl
from benchhost.types import Method


class Half:
    def __init__(self, params):
        print("a method may print what it likes")
        if torch.get_num_threads() != 1 or os.environ["OPENBLAS_NUM_THREADS"] != "1":
            raise RuntimeError("a worker has one thread unless more are asked for")

    def reconstruct(self, problem):
        return problem.physics.A_dagger(problem.y) / 2


@hookimpl
def benchhost_methods():
    yield Method(name="half", target="loose_half:Half", summary="half the pseudo-inverse")
"""


def test_a_loose_file_and_a_folder_of_images_reach_the_child(tmp_path, capfd):
    import numpy as np
    from PIL import Image

    from benchhost import execute
    from benchhost.config import RunConfig
    from benchhost.plan import make_plan
    from benchhost.plugins import load
    from benchhost.selection import parse_methods, parse_tasks
    from benchhost.store import Store

    file, folder = tmp_path / "loose_half.py", tmp_path / "my images"
    file.write_text(LOOSE)
    folder.mkdir()
    Image.fromarray(np.arange(256, dtype=np.uint8).reshape(16, 16)).save(folder / "ramp.png")
    plugins = ("benchhost.testing.synthetic", str(file))
    catalogue = load(plugins, installed=False)
    config = RunConfig(
        tasks=tuple(parse_tasks(("synthetic",), catalogue)),
        methods=tuple(parse_methods(("half",), catalogue)),
        datasets=(str(folder),),
        device="cpu",
    )
    cells = make_plan(config, catalogue).cells
    options = execute.Options(results=tmp_path, workers=1, plugins=plugins, installed=False)
    with Store.open(tmp_path) as store:
        run_id = store.begin_run({}, cells, metrics=catalogue.metrics, environment={})
        counts = execute.execute(cells, store=store, run_id=run_id, options=options, catalogue=catalogue)
        rows = store.frame(run_id)
    assert counts == {"ok": 1}
    assert set(rows["threads"]) == {1}
    assert capfd.readouterr().out == ""
