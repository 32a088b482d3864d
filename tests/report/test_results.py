"""Aggregates and the summary: right numbers, honest counts, order, speed."""

import json
import math
import time

import numpy as np
import pandas as pd
import pytest

from benchhost.report import Results, summary
from benchhost.report.results import COLUMNS
from benchhost.report.synthetic import synthetic


def values(results: Results, **where: str) -> pd.DataFrame:
    rows = results.frame
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return rows


def row(results: Results, **where: str) -> pd.Series:
    rows = results.table
    for name, value in where.items():
        rows = rows[rows[name] == value]
    assert len(rows) == 1
    return rows.iloc[0]


PLACE = {"task": "cs", "level": "ratio=0.1", "dataset": "set-a", "method_label": "tv", "metric": "psnr"}


def test_mean_and_sd_are_those_of_numpy_over_images(whole):
    expected = values(whole, **PLACE)["value"].to_numpy(float)
    found = row(whole, **PLACE)
    assert found["mean"] == pytest.approx(expected.mean(), rel=1e-12)
    assert found["sd"] == pytest.approx(expected.std(ddof=1), rel=1e-12)
    assert found["median"] == pytest.approx(np.median(expected), rel=1e-12)
    assert (found["n"], found["ok"], found["cells"]) == (4, 4, 4)


def test_repeats_of_an_image_are_averaged_before_the_images_are():
    results = synthetic(repeats=3)
    per_image = values(results, **PLACE).groupby("image")["value"].mean()
    found = row(results, **PLACE)
    assert found["mean"] == pytest.approx(per_image.mean(), rel=1e-12)
    assert found["sd"] == pytest.approx(per_image.std(ddof=1), rel=1e-12)
    assert (found["n"], found["images"], found["ok"], found["cells"]) == (4, 4, 12, 12)


def test_a_peak_is_over_the_same_images_as_the_value_and_never_worse(whole):
    traced = {**PLACE, "method_label": "dip:iterations=500"}
    frame = whole.frame.copy()
    rows = values(whole, **traced).index
    frame["peak"] = frame["peak"].astype("float64")
    # One image stopped before its first iterate was traced, one ended above all that were.
    frame.loc[rows[:2], "peak"] = [np.nan, frame.loc[rows[1], "value"] - 3]
    value, peak = frame.loc[rows, "value"].to_numpy(float), frame.loc[rows, "peak"].to_numpy(float)
    found = row(Results(frame=frame, run=whole.run, traces=whole.traces), **traced)
    assert found["peak"] == pytest.approx(np.fmax(value, peak).mean(), rel=1e-12)
    assert found["peak"] > found["mean"]
    assert np.isnan(row(whole, **PLACE)["peak"])  # nothing traced, no peak


def test_a_failed_image_is_left_out_of_the_mean_and_shows_in_the_count(holed):
    found = row(holed, **PLACE)
    expected = values(holed, **PLACE).dropna(subset="value")["value"]
    assert found["mean"] == pytest.approx(expected.mean(), rel=1e-12)
    assert (found["n"], found["ok"], found["cells"]) == (3, 3, 4)
    assert (found["hole"], found["reason"]) == ("oom", "memory cap 4 GB exceeded")


def test_a_value_on_a_cell_that_is_not_ok_is_never_counted(holed):
    frame = holed.frame.copy()
    frame.loc[frame["status"] == "timeout", "value"] = 99.0
    table = Results(frame=frame).table
    assert (table.loc[table["method"] == "slow", "n"] == 0).all()


def test_a_metric_without_a_value_on_an_ok_cell_is_a_hole_with_its_reason(whole):
    frame = whole.frame.copy()
    mine = (frame["metric"] == "ssim") & (frame["method"] == "tv")
    frame.loc[mine, ["value", "reason"]] = [np.nan, "no weights"]
    table = Results(frame=frame).table
    found = table[(table["metric"] == "ssim") & (table["method"] == "tv")]
    assert (found["hole"] == "unavailable").all()
    assert (found["reason"] == "no weights").all()
    assert (found["n"] == 0).all()


def test_the_most_serious_reason_for_a_hole_is_the_one_named(whole):
    frame = whole.frame.copy()
    for image, status in (("image00", "skipped"), ("image01", "timeout"), ("image02", "failed")):
        frame.loc[(frame["method"] == "tv") & (frame["image"] == image), ["value", "status", "reason"]] = [
            np.nan,
            status,
            f"why {status}",
        ]
    found = row(Results(frame=frame), **PLACE)
    assert (found["hole"], found["reason"], found["n"]) == ("failed", "why failed", 1)
    assert math.isnan(found["sd"])


def test_equal_images_keep_their_infinite_psnr_and_have_no_sd(whole):
    frame = whole.frame.copy()
    frame.loc[(frame["metric"] == "psnr") & (frame["image"] == "image00"), "value"] = np.inf
    found = row(Results(frame=frame), **PLACE)
    assert found["mean"] == math.inf
    assert math.isnan(found["sd"])


def test_the_primary_metric_of_each_task_comes_first_and_the_frame_s_order_holds_below(whole):
    rows = summary(whole)["rows"]
    assert [r["metric"] for r in rows if r["task"] == "cs"] == ["psnr"] * 12 + ["ssim"] * 12
    assert list(dict.fromkeys(r["task"] for r in rows)) == ["cs", "denoise"]
    first = [(r["level"], r["dataset"], r["method"]) for r in rows[:4]]
    assert first == [
        ("ratio=0.1", "set-a", "baseline"),
        ("ratio=0.1", "set-a", "tv"),
        ("ratio=0.1", "set-a", "dip:iterations=500"),
        ("ratio=0.1", "set-b", "baseline"),
    ]


def test_a_level_may_have_a_primary_metric_of_its_own(whole):
    frame = whole.frame.copy()
    for level, shave in (("ratio=0.1", 2), ("ratio=0.25", 4)):
        mine = (frame["level"] == level) & (frame["metric"] == "psnr")
        frame.loc[mine, "protocol"] = f"255/clip_round/shave{shave}@1"
    rows = [r for r in summary(Results(frame=frame))["rows"] if r["task"] == "cs"]
    assert [r["metric"] for r in rows] == ["psnr"] * 12 + ["ssim"] * 12
    assert {r["protocol"] for r in rows[:6]} == {"255/clip_round/shave2@1"}


def test_the_summary_has_exactly_the_promised_shape(holed):
    found = summary(holed)
    assert set(found) == {"run_id", "status", "rows"}
    names = {"task", "level", "dataset", "method", "metric", "protocol", "mean", "sd", "n", "median_seconds"}
    assert all(set(r) == names for r in found["rows"])
    assert found["run_id"] == "01SYNTHETIC"
    assert found["status"] == {"ok": 66, "skipped": 24, "timeout": 24, "oom": 6}
    text = json.dumps(found, allow_nan=False)
    assert json.loads(text) == found


def test_what_gave_nothing_has_a_row_with_null_and_n_zero(holed):
    slow = [r for r in summary(holed)["rows"] if r["method"] == "slow"]
    assert slow
    assert all((r["mean"], r["sd"], r["n"], r["median_seconds"]) == (None, None, 0, None) for r in slow)


def test_one_image_has_no_sd_and_an_infinite_mean_is_null():
    results = synthetic(images=1)
    assert {r["sd"] for r in summary(results)["rows"]} == {None}
    frame = results.frame.assign(value=np.inf)
    assert {r["mean"] for r in summary(Results(frame=frame))["rows"]} == {None}


def test_median_seconds_are_over_the_cells_that_ended_well(holed):
    found = row(holed, **PLACE)
    seconds = values(holed, **PLACE).query("status == 'ok'")["seconds"]
    assert found["median_seconds"] == pytest.approx(seconds.median())


def test_runs_laid_together_count_a_shared_cell_once(whole):
    second = whole.frame.assign(run_id="02SYNTHETIC")
    both = Results(frame=pd.concat([whole.frame, second], ignore_index=True))
    pd.testing.assert_frame_equal(both.table, whole.table)


def test_nullable_and_categorical_frames_give_the_same_numbers(holed):
    frame = holed.frame.copy()
    for name in ("task", "level", "dataset", "method", "method_label", "metric", "protocol", "status", "image"):
        frame[name] = frame[name].astype("category")
    frame = frame.astype({"value": "Float64", "seconds": "Float64", "peak": "Float64", "primary": "boolean"})
    assert summary(Results(frame=frame, run=holed.run)) == summary(holed)


def test_an_empty_frame_gives_an_empty_summary():
    empty = Results(frame=pd.DataFrame(columns=list(COLUMNS)))
    assert summary(empty) == {"run_id": "", "status": {"ok": 0}, "rows": []}


def test_a_frame_without_the_columns_is_refused_by_their_names(whole):
    with pytest.raises(ValueError, match="results frame lacks the columns protocol, value"):
        Results(frame=whole.frame.drop(columns=["value", "protocol"]))
    with pytest.raises(ValueError, match="traces frame lacks the columns step"):
        Results(frame=whole.frame, traces=whole.traces.drop(columns="step"))


def test_a_hundred_thousand_rows_take_well_under_a_second_of_cpu_per_step():
    base = synthetic(images=5, datasets=("a", "b", "c"), methods=tuple(f"m{n}" for n in range(10))).frame
    parts = [base.assign(image=base["image"] + f"-{n}", key=base["key"] + f"-{n}") for n in range(100_000 // len(base))]
    results = Results(frame=pd.concat(parts, ignore_index=True))
    start = time.process_time()
    assert len(summary(results)["rows"]) == 180
    assert time.process_time() - start < 3  # measured: 0.4 s; a loop over rows takes a minute
