"""Quality against level, single images, memory and ranks."""

import numpy as np
import pandas as pd

from benchhost.report import Results
from benchhost.report.figures import (
    boxes,
    critical_difference_diagram,
    memory_bars,
    paired_dots,
    quality_level,
    style,
)
from benchhost.report.figures.groups import shortened, thinned
from benchhost.report.figures.levels import varied
from benchhost.report.figures.ranks import blocks
from benchhost.report.synthetic import synthetic
from tests.report.figure_texts import texts

LEVELS = {"cs": ("ratio=0.04", "ratio=0.06", "ratio=0.5"), "denoise": ("sigma=25",)}


def test_quality_against_level_has_a_curve_per_method_at_the_true_distances(tmp_path, drawn):
    results = synthetic(tasks=LEVELS, datasets=("d",), images=6, methods=("tv", "dip", "oracle"))
    quality_level(results, tmp_path)
    (figure,) = drawn  # denoise ran at one level only
    curves = {line.get_color(): line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 3}
    assert set(curves) == {style.NAMED["tv"], style.NAMED["dip"]}
    table = results.table
    means = table[(table["method"] == "tv") & table["primary"] & (table["task"] == "cs")]["mean"]
    assert curves[style.NAMED["tv"]].get_xdata().tolist() == [0.04, 0.06, 0.5]
    np.testing.assert_allclose(curves[style.NAMED["tv"]].get_ydata(), means)
    assert [text.get_text() for text in figure.axes[0].get_xticklabels()] == ["4 %", "50 %"], "6 % would touch 4 %"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["tv", "dip"]


def test_a_level_is_a_place_on_an_axis_only_where_one_number_varies():
    def rows(*params: str) -> pd.DataFrame:
        return pd.DataFrame({"task_params": params})

    assert varied(rows('{"ratio": 0.1, "block": 32}', '{"ratio": 0.5, "block": 32}')) == "ratio"
    assert varied(rows('{"ratio": 0.1, "block": 32}', '{"ratio": 0.5, "block": 33}')) is None
    assert varied(rows('{"operator": "a"}', '{"operator": "b"}')) is None
    assert varied(rows("{}")) is None


def test_paired_dots_join_the_values_of_each_image(tmp_path, drawn):
    results = synthetic(tasks={"cs": ("a=1",)}, datasets=("d",), images=5, methods=("tv", "dip", "oracle"))
    paired_dots(results, tmp_path)
    place = drawn[0].axes[0]
    assert [text.get_text() for text in place.get_yticklabels()] == ["dip", "tv"], "the best at the top"
    joined = [line for line in place.get_lines() if line.get_marker() in ("None", "")]
    frame = results.frame[results.frame["primary"]].pivot_table(index="image", columns="method", values="value")
    np.testing.assert_allclose([line.get_xdata() for line in joined], frame[["dip", "tv"]])


def test_boxes_show_every_image_and_say_what_is_missing(tmp_path, drawn):
    results = synthetic(
        tasks={"cs": ("a=1",)},
        datasets=("d",),
        images=9,
        methods=("tv", "dip"),
        failures={("tv", "image01"): ("oom", "")},
    )
    boxes(results, tmp_path)
    place = drawn[0].axes[0]
    assert [text.get_text() for text in place.get_yticklabels()] == ["dip", "tv (8/9)"]
    dots = sorted(len(line.get_xdata()) for line in place.get_lines() if len(line.get_xdata()) > 5)
    assert dots == [8, 9]


def test_memory_bars_are_the_largest_of_all_cells(tmp_path, drawn):
    results = synthetic(tasks=LEVELS, datasets=("d",))
    frame = results.frame.copy()
    frame.loc[frame.index[(frame["method"] == "tv") & (frame["level"] == "ratio=0.5")][0], "peak_rss_mb"] = 4096.0
    memory_bars(Results(frame=frame, run=results.run), tmp_path)
    assert max(patch.get_width() for patch in drawn[0].axes[0].patches) == 4.0
    assert "4.00" in {text.get_text() for text in texts(drawn[0])}
    assert len(drawn[0].axes) == 1, "no panel for device memory that nobody used"


def test_device_memory_has_a_panel_where_it_was_used(tmp_path, drawn):
    results = synthetic(tasks={"cs": ("a=1",)}, datasets=("d",))
    memory_bars(Results(frame=results.frame.assign(peak_vram_mb=512.0), run=results.run), tmp_path)
    assert [place.get_xlabel() for place in drawn[0].axes] == ["peak resident memory [GB]", "peak device memory [GB]"]


MANY = {"cs": ("a=1", "a=2"), "sr": ("a=1", "a=2"), "denoise": ("a=1", "a=2", "a=3")}


def test_ranks_are_over_blocks_that_every_method_finished(tmp_path, drawn):
    results = synthetic(tasks=MANY, datasets=("d",), methods=("tv", "dip", "bm3d", "slow", "oracle"))
    frame = results.frame.copy()
    frame.loc[frame["method"] == "slow", ["status", "value"]] = ["timeout", np.nan]
    one = (frame["method"] == "dip") & (frame["level"] == "a=3") & (frame["image"] == "image00")
    frame.loc[one, ["status", "value"]] = ["oom", np.nan]
    found = blocks(Results(frame=frame, run=results.run))
    assert found.methods == ("tv", "dip", "bm3d")
    assert found.scores.shape == (6, 3)
    assert (found.dropped, found.left_out) == ((), 1)
    critical_difference_diagram(Results(frame=frame, run=results.run), tmp_path)
    said = {text.get_text() for text in texts(drawn[0])}
    assert "bm3d 1.00" in said
    assert "3.00 tv" in said
    assert any("6 task levels × data sets, Friedman p = 0.002; 1 with holes left out" in text for text in said)


def test_a_metric_where_lower_is_better_is_ranked_the_other_way():
    results = synthetic(tasks=MANY, datasets=("d",), methods=("tv", "dip", "bm3d"))
    frame = results.frame.assign(higher_is_better=False)
    assert (blocks(Results(frame=frame)).scores == -blocks(results).scores).all()


def test_few_blocks_or_methods_give_no_diagram(tmp_path, drawn):
    assert critical_difference_diagram(synthetic(tasks=MANY, datasets=("d",), methods=("tv", "dip")), tmp_path) == []
    assert critical_difference_diagram(synthetic(tasks={"cs": ("a=1",)}, datasets=("d",)), tmp_path) == []
    assert drawn == []


def test_methods_that_friedman_s_test_cannot_part_stand_under_one_bar(tmp_path, drawn):
    results = synthetic(tasks=MANY, datasets=("d",), methods=("tv", "dip", "bm3d"))
    values = np.random.RandomState(4).randn(len(results.frame))
    critical_difference_diagram(Results(frame=results.frame.assign(value=values), run=results.run), tmp_path)
    bars = [line for line in drawn[0].axes[0].get_lines() if line.get_linewidth() > 2]
    assert len(bars) == 1
    assert any("Friedman p = 0." in text.get_text() for text in texts(drawn[0]))


def test_ticks_that_would_touch_are_thinned_and_the_last_stays():
    assert thinned(np.array([0.0, 0.05, 0.3, 0.95, 1.0]), 0.1).tolist() == [0, 2, 4]


def test_a_long_label_keeps_its_beginning_and_its_end():
    assert shortened("dip:iterations=2000", 12) == "dip:it…=2000"
    assert shortened("dip", 12) == "dip"
