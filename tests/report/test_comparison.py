"""Comparisons: pairing, verdicts, margin, losses, few images."""

import numpy as np
import pandas as pd
import pytest

from benchhost.report import terminal_table
from benchhost.report.comparison import compare, comparison_table
from benchhost.report.synthetic import synthetic

BASE = {"tasks": {"cs": ("ratio=0.1", "ratio=0.25")}, "datasets": ("d",), "methods": ("tv", "dip")}


def shifted(by: float, *, images: int = 8, method: str = "tv", metric: str = "psnr", spread: float = 0.01):
    """Two runs; in the second one method's metric is shifted."""
    first = synthetic(**BASE, images=images, metrics=("psnr", "ssim", "consistency")).frame
    second = first.copy()
    mine = (second["method"] == method) & (second["metric"] == metric)
    second.loc[mine, "value"] += by + spread * np.random.RandomState(0).randn(mine.sum())
    return first, second


def verdicts(found, metric="psnr"):
    return {(d.method, d.level): d.verdict for d in found if d.metric == metric}


@pytest.mark.parametrize(("by", "verdict"), [(0.5, "better"), (-0.5, "worse"), (0.0, "same")])
def test_a_shift_is_seen_where_it_is_and_nowhere_else(by, verdict):
    found = compare(*shifted(by), by_method=True)
    assert {v for (method, _), v in verdicts(found).items() if method == "tv"} == {verdict}
    assert {v for (method, _), v in verdicts(found).items() if method == "dip"} == {"same"}
    moved = next(d for d in found if d.method == "tv" and d.metric == "psnr")
    assert moved.delta == pytest.approx(by, abs=0.02)
    assert moved.interval.low < moved.delta < moved.interval.high


def test_lower_is_better_where_the_metric_says_so():
    first, second = shifted(-0.3, metric="ssim")
    for frame in (first, second):
        frame.loc[frame["metric"] == "ssim", ["metric", "higher_is_better"]] = ["nmse", False]
    assert set(verdicts(compare(first, second, by_method=True), "nmse").values()) == {"better", "same"}


def test_a_difference_within_the_margin_is_the_same():
    frames = shifted(0.5)
    assert "better" in verdicts(compare(*frames, by_method=True, ropes={"": 0.2})).values()
    assert set(verdicts(compare(*frames, by_method=True, ropes={"": 0.7})).values()) == {"same"}
    assert "better" in verdicts(compare(*frames, by_method=True, ropes={"ssim": 0.7})).values()


def test_five_images_are_never_judged():
    found = compare(*shifted(3.0, images=5), by_method=True)
    assert {d.verdict for d in found} == {"few"}
    assert all(np.isnan(d.p) for d in found)


def test_an_image_that_the_second_fails_on_is_lost():
    first, second = shifted(0.0)
    second.loc[(second["method"] == "tv") & (second["image"] == "image03"), ["status", "value"]] = ["oom", np.nan]
    found = compare(first, second, by_method=True)
    assert {v for (method, _), v in verdicts(found).items() if method == "tv"} == {"lost"}
    assert {(d.n, d.lost, d.gained) for d in found if d.method == "tv"} == {(7, 1, 0)}
    assert {(d.lost, d.gained) for d in compare(second, first, by_method=True) if d.method == "tv"} == {(0, 1)}


def test_an_image_that_was_not_run_yet_is_not_lost():
    first, second = shifted(0.0)
    second.loc[(second["method"] == "tv") & (second["image"] == "image03"), ["status", "value"]] = ["pending", np.nan]
    assert {(d.n, d.lost) for d in compare(first, second, by_method=True) if d.method == "tv"} == {(7, 0)}


def test_a_cell_that_neither_side_solved_is_left_out():
    first, second = shifted(0.0)
    for frame in (first, second):
        frame.loc[frame["method"] == "tv", ["status", "value"]] = ["failed", np.nan]
    assert {d.method for d in compare(first, second, by_method=True)} == {"dip"}


def test_metrics_that_only_check_are_left_out():
    assert {d.metric for d in compare(*shifted(0.0), by_method=True)} == {"psnr", "ssim"}


def test_two_methods_are_paired_by_image():
    frame = synthetic(**BASE, images=8).frame
    one, two = (frame[frame["method"] == name] for name in ("tv", "dip"))
    found = compare(one, two.sample(frac=1, random_state=0), by_method=False)
    pivot = frame[frame["metric"] == "psnr"].pivot_table(index=["level", "image"], columns="method", values="value")
    expected = (pivot["dip"] - pivot["tv"]).groupby("level").mean()
    assert {d.level: d.delta for d in found if d.metric == "psnr"} == pytest.approx(dict(expected))
    assert {d.method for d in found} == {""}


def test_frames_of_other_dtypes_compare_alike():
    first, second = shifted(0.5)
    typed = second.astype({"value": "Float64", "method": "string", "task": "category", "higher_is_better": "boolean"})
    assert compare(first, typed, by_method=True) == compare(first, second, by_method=True)


def test_repeats_are_averaged_before_pairing():
    frame = synthetic(**BASE, images=8, repeats=3).frame
    assert {d.n for d in compare(frame, frame, by_method=True)} == {8}


def test_nothing_in_common_gives_nothing():
    frame = synthetic(**BASE).frame
    assert compare(frame, frame.assign(dataset="other"), by_method=True) == []
    assert compare(frame, pd.DataFrame(columns=frame.columns).astype(frame.dtypes), by_method=True) == []


def test_the_table_says_difference_interval_and_verdict():
    found = compare(*shifted(0.5), by_method=True)
    text = terminal_table.render(comparison_table(found, first="A", second="B"))
    assert "B against A" in text
    line = next(line for line in text.splitlines() if "tv" in line and "PSNR" in line)
    assert "+0.5" in line
    assert line.rstrip().endswith("better")


def test_json_has_no_number_that_json_lacks():
    row = compare(*shifted(3.0, images=5), by_method=True)[0].json()
    assert row["p"] is None
    assert row["verdict"] == "few"
    assert row["n"] == 5
