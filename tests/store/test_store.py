"""What goes into the store comes out as it was, whoever writes beside, and whatever went wrong before."""

import math
import subprocess
import sys
import time
from dataclasses import replace

import pandas as pd
import pytest

from benchhost.errors import StoreError, UsageError
from benchhost.execute.record import blank
from benchhost.store import Store
from benchhost.store.frames import COLUMNS

PSNR, MSE = "psnr/255/clip", "mse/1"  # the metrics of the fixture


@pytest.fixture
def store(place):
    with Store.open(place) as opened:
        yield opened


@pytest.fixture
def begin(metrics):
    def go(store, cells, **facts):
        facts = {"command": "benchhost run", **facts}
        return store.begin_run(facts, cells, metrics=metrics, environment={"cpu": "test"})

    return go


def failed(cell, reason="ValueError: no", status="failed", **changes):
    record = blank(cell)
    record.update(status=status, reason=reason, **changes)
    return record


def test_the_frame_has_one_row_a_cell_and_metric_with_the_promised_columns(store, cells, ok, begin):
    one, two, three = cells(3)
    run = begin(store, [one, two, three])
    store.add(run, one, ok(one, 31.5))
    store.add(run, two, failed(two))
    frame = store.frame(run)
    assert tuple(frame.columns) == COLUMNS
    assert frame["metric"].tolist() == ["psnr", "mse"] * 3
    assert frame["protocol"].tolist() == ["255/clip@2", "1@1"] * 3
    assert frame["primary"].tolist() == [True, False] * 3
    assert frame["value"].tolist()[:2] == [31.5, 0.001]
    assert frame["value"].isna().tolist() == [False, False, True, True, True, True]
    assert frame["status"].tolist() == ["ok", "ok", "failed", "failed", "pending", "pending"]
    assert frame["reason"].tolist() == ["", "", "ValueError: no", "ValueError: no", "", ""]
    assert frame["higher_is_better"].tolist() == [True, False] * 3  # also of cells that never ran
    assert frame["decimals"].tolist() == [2, 4] * 3
    assert frame["peak"].isna().tolist() == [False, True, True, True, True, True]  # of the primary metric alone
    row = frame.iloc[0]
    assert (row["task_params"], row["method_params"]) == ('{"sigma":25.0}', '{"weight":null}')
    assert row["finished_at"] == pd.Timestamp("2024-05-01T12:00:00Z")
    assert row["artifact"] == "x.safetensors"


def test_an_infinite_score_survives_and_nan_becomes_a_reason(store, cells, ok, begin):
    (cell,) = cells(1)
    run = begin(store, [cell])
    store.add(run, cell, ok(cell, scores={PSNR: math.inf, MSE: math.nan}))
    frame = store.frame(run)
    assert frame["value"][0] == math.inf
    assert pd.isna(frame["value"][1])
    assert frame["reason"].tolist() == ["", "no value"]


def test_a_metric_without_a_value_says_why_in_an_ok_cell(store, cells, ok, begin):
    (cell,) = cells(1)
    run = begin(store, [cell])
    store.add(run, cell, ok(cell, scores={PSNR: 30.0, MSE: None}, metric_reasons={MSE: "unavailable: no weights"}))
    frame = store.frame(run)
    assert frame["status"].tolist() == ["ok", "ok"]
    assert frame["reason"].tolist() == ["", "unavailable: no weights"]


def test_only_ok_records_are_hits(store, cells, ok, begin):
    good, bad, never = cells(3)
    run = begin(store, [good, bad, never])
    store.add(run, good, ok(good))
    store.add(run, bad, failed(bad, status="timeout"))
    assert store.finished([good.key, bad.key, never.key]) == {good.key}


def test_a_second_run_sees_what_the_first_computed(store, cells, ok, begin):
    (cell,) = cells(1)
    store.add(begin(store, [cell]), cell, ok(cell, 31.5))
    second = begin(store, [replace(cell, method_label="another name")])
    frame = store.frame(second)
    assert frame["value"][0] == 31.5
    assert frame["method_label"][0] == "another name"
    assert frame["run_id"][0] == second


def test_a_failure_never_replaces_a_success_but_its_own_run_shows_it(store, cells, ok, begin):
    (cell,) = cells(1)
    first = begin(store, [cell])
    store.add(first, cell, ok(cell, 31.5))
    fresh = begin(store, [cell])
    store.add(fresh, cell, failed(cell, "it broke"))
    assert store.finished([cell.key]) == {cell.key}
    assert store.frame(first)["status"].tolist() == ["ok", "ok"]
    assert store.frame(fresh)["status"].tolist() == ["failed", "failed"]
    assert store.frame(fresh)["value"].isna().all()
    assert store.frame(fresh)["reason"][0] == "it broke"


def test_a_success_replaces_a_failure_and_an_older_success(store, cells, ok, begin):
    (cell,) = cells(1)
    run = begin(store, [cell])
    store.add(run, cell, failed(cell))
    store.add(run, cell, ok(cell, 30.0))
    store.add(run, cell, ok(cell, 32.0, scores={PSNR: 32.0}))
    frame = store.frame(run)
    assert frame["value"][0] == 32.0
    assert pd.isna(frame["value"][1])  # the older reconstruction's score does not outlive it
    assert store.attempts(run)["status"].tolist() == ["failed", "ok", "ok"]
    assert store.attempts(run)["attempt"].tolist() == [1, 2, 3]


def test_adding_a_record_twice_changes_nothing(store, cells, ok, begin):
    (cell,) = cells(1)
    run = begin(store, [cell])
    record = ok(cell)
    store.add(run, cell, record)
    store.add(run, cell, record)
    assert len(store.attempts(run)) == 1


def test_more_metrics_are_added_to_a_finished_cell(store, cells, ok, begin, metrics):
    cell = replace(cells(1)[0], metrics=(PSNR,))
    run = begin(store, [cell])
    store.add(run, cell, ok(cell, scores={PSNR: 30.0}))
    (wider,) = store.add_metrics(run, [MSE])
    assert wider.metrics == (PSNR, MSE)
    assert store.missing_metrics([wider], metrics=metrics) == [wider]
    store.add(run, wider, ok(wider, kind="score", scores={MSE: 0.5}, seconds=99.0))
    assert store.missing_metrics([wider], metrics=metrics) == []
    frame = store.frame(run)
    assert frame["value"].tolist() == [30.0, 0.5]
    assert frame["seconds"].tolist() == [0.5, 0.5]


def test_an_unavailable_metric_and_another_version_count_as_missing(store, cells, ok, begin, metrics):
    (cell,) = cells(1)
    run = begin(store, [cell])
    store.add(run, cell, ok(cell, scores={PSNR: 30.0, MSE: None}))
    assert store.lacking_metrics([cell], metrics=metrics) == {cell.key: (MSE,)}
    newer = {**metrics, PSNR: replace(metrics[PSNR], version=3)}
    assert store.lacking_metrics([cell], metrics=newer) == {cell.key: (PSNR, MSE)}


def test_a_timing_pass_changes_times_alone(store, cells, ok, begin):
    (cell,) = cells(1)
    run = begin(store, [cell])
    store.add(run, cell, ok(cell, 30.0, timing_valid=False))
    store.add(run, cell, ok(cell, 99.0, kind="time", seconds=0.25, timing_valid=True))
    store.add(run, cell, failed(cell, kind="time"))
    frame = store.frame(run)
    assert frame["value"][0] == 30.0
    assert frame["seconds"][0] == 0.25
    assert frame["timing_valid"][0]
    assert frame["status"].tolist() == ["ok", "ok"]


def test_skipped_cells_show_their_reason(store, cells, begin):
    (cell,) = cells(1, skip="needs svd")
    frame = store.frame(begin(store, [cell]))
    assert frame["status"].tolist() == ["skipped"] * 2
    assert frame["reason"].tolist() == ["needs svd"] * 2


def test_a_trace_comes_back_as_rows(store, cells, ok, begin):
    (cell,) = cells(1)
    run = begin(store, [cell])
    trace = {"step": [1, 2], "seconds": [0.1, 0.2], "metric": [PSNR, PSNR], "value": [20.0, 21.0]}
    store.add(run, cell, ok(cell, trace=trace))
    frame = store.traces(run)
    assert list(frame.columns) == ["key", "step", "seconds", "metric", "value"]
    assert frame["value"].tolist() == [20.0, 21.0]
    assert set(frame["key"]) == {cell.key}
    assert store.traces(begin(store, cells(1, tag="other"))).empty


def test_a_run_remembers_its_cells_its_facts_and_its_environment(store, cells, begin):
    planned = cells(3) + cells(2, method="dip", trained_on_test=True)
    run = begin(store, planned, seed=7)
    assert store.cells(run) == planned
    facts = store.run()
    assert (facts["run_id"], facts["seed"], facts["environment"]) == (run, 7, {"cpu": "test"})
    assert store.frame(run)["trained_on_test"].fillna(False).sum() == 4


def test_a_run_is_finished_or_interrupted_by_what_is_pending(store, cells, ok, begin):
    one, two = cells(2)
    run = begin(store, [one, two])
    store.add(run, one, ok(one))
    assert store.finish_run(run) == {"ok": 1, "pending": 1}
    assert store.runs()["status"].tolist() == ["interrupted"]
    store.add(run, two, ok(two))
    store.finish_run(run, seconds=12.5)
    assert store.runs()["status"].tolist() == ["finished"]
    assert store.run(run)["seconds"] == 12.5


def test_an_unknown_run_is_an_error_with_the_nearest_one(store, cells, begin):
    run = begin(store, cells(1))
    with pytest.raises(UsageError, match=f"Did you mean '{run}'"):
        store.frame(run[:-1] + "x")


def test_times_of_the_past_are_known_by_task_dataset_and_method(store, cells, ok, begin):
    for cell, seconds in zip(cells(2), (1.0, 3.0), strict=True):
        store.add(begin(store, [cell]), cell, ok(cell, seconds=seconds))
    assert store.timings() == {("denoise", "set12", "tv", '{"weight":null}'): 2.0}


def test_a_run_without_cells_has_an_empty_frame(store, begin):
    frame = store.frame(begin(store, []))
    assert tuple(frame.columns) == COLUMNS
    assert frame.empty


WRITER = """
import sys
from benchhost.plan import Cell
from benchhost.store import Store
from benchhost.execute.record import blank
name, folder = sys.argv[1:]
cells = [Cell(task="t", task_params={}, level="", dataset="d", image=str(n), repeat=0, seed=0, method=name,
              method_params={}, method_label=name, metrics=("mse/1",), measurement_key="m", key=f"{name}{n}")
         for n in range(150)]
with Store.open(folder) as store:
    run = store.begin_run({"command": name}, cells, environment={})
    for cell in cells:
        store.add(run, cell, {**blank(cell), "status": "ok", "reason": "", "scores": {"mse/1": 1.0}})
"""


def test_two_processes_write_at_once(place, pytestconfig):
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, name, str(place)], cwd=pytestconfig.rootpath)
        for name in ("a", "b")
    ]
    assert [writer.wait(timeout=120) for writer in writers] == [0, 0]
    with Store.open(place) as store:
        frame = store.frame()
    assert frame["status"].value_counts().to_dict() == {"ok": 300}
    assert frame["method"].value_counts().to_dict() == {"a": 150, "b": 150}


def test_a_hundred_thousand_cells_begin_in_seconds(store, cells, begin):
    template = cells(1)[0]
    many = [replace(template, image=str(n), key=f"{n:040d}") for n in range(100_000)]
    begun = time.process_time()
    begin(store, many)
    assert time.process_time() - begun < 10  # about 2 s on an idle core
    assert store.finished(cell.key for cell in many) == set()


def test_a_store_that_no_database_serves_is_refused(tmp_path):
    with pytest.raises(StoreError, match="cannot open the store 'oracle9://"):
        Store.open("oracle9://server/name")
    blocker = tmp_path / "file"
    blocker.write_text("")
    with pytest.raises((StoreError, OSError)):
        Store.open(blocker / "results")
