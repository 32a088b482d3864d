"""Tables: best and second, ties, holes, controls, marks, layout."""

import numpy as np
import pytest

from benchhost.report import Cell, Column, Results, Row, TableModel, long_tables, wide_tables
from benchhost.report.model import number, seconds
from benchhost.report.ranking import rank
from benchhost.report.synthetic import synthetic


def cells(*values: float | None, decimals: int = 2) -> list[Cell]:
    return [Cell(text="n/a") if v is None else Cell(text=number(v, decimals), value=v) for v in values]


def styles(found: list[Cell]) -> list[str]:
    return [cell.style for cell in found]


def column(model: TableModel, title: str) -> list[Cell]:
    place = [c.title for c in model.columns].index(title)
    return [row.cells[place] for row in model.rows]


def test_best_and_second_follow_the_direction_of_the_metric():
    found = cells(30.0, 31.0, 29.0)
    assert styles(rank(found, higher_is_better=True, eligible=[True] * 3)) == ["second", "best", ""]
    assert styles(rank(found, higher_is_better=False, eligible=[True] * 3)) == ["second", "", "best"]


def test_what_prints_alike_is_equally_good():
    found = cells(30.004, 30.001, 29.0, 28.996)
    assert styles(rank(found, higher_is_better=True, eligible=[True] * 4)) == ["best", "best", "second", "second"]


def test_ties_are_decided_at_printed_precision_but_order_by_the_unrounded_mean():
    found = cells(30.0049, 30.0051, decimals=2)
    assert styles(rank(found, higher_is_better=True, eligible=[True] * 2)) == ["second", "best"]


def test_nobody_is_best_alone_or_among_equals():
    assert styles(rank(cells(30.0, None), higher_is_better=True, eligible=[True] * 2)) == ["", ""]
    assert styles(rank(cells(30.0, 30.0), higher_is_better=True, eligible=[True] * 2)) == ["", ""]


def test_infinity_is_the_best_psnr():
    assert styles(rank(cells(30.0, np.inf), higher_is_better=True, eligible=[True] * 2)) == ["second", "best"]


def test_a_mean_with_holes_is_shown_with_its_count_and_never_ranked(holed):
    model = long_tables(holed)[0]
    tv = [row.cells for row in model.rows if row.cells[2].text == "tv"]
    assert all(line[3].count == "(3/4)" and line[3].style == "" for line in tv)
    assert {cell.text for line in tv for cell in line if "/" in cell.text} == {"3/4"}
    assert "best" in {cell.style for row in model.rows for cell in row.cells}


def test_controls_are_shown_but_not_ranked():
    results = synthetic(methods=("tv", "dct", "oracle"))
    names, best = [], []
    for row in long_tables(results)[0].rows:
        names.append(row.cells[2].text)
        best.append(row.cells[3].style)
    assert set(zip(names, best, strict=True)) >= {("oracle", "")}
    assert "best" not in {style for name, style in zip(names, best, strict=True) if name == "oracle"}
    assert "best" in best


def test_holes_read_by_their_kind(holed):
    table = {row.cells[2].text: row.cells for row in long_tables(holed)[0].rows}
    assert table["slow"][3].text == "T/O"
    assert table["slow"][3].reason == "60 s per image"
    assert table["baseline"][3].text == "n/a"
    assert table["slow"][-1].text == "0/4"


def test_consistency_has_no_best(holed):
    model = long_tables(holed)[0]
    title = next(c.title for c in model.columns if c.title.startswith("consistency"))
    assert {cell.style for cell in column(model, title)} <= {"", "muted"}


def test_peak_stands_beside_what_was_selected(whole):
    model = long_tables(whole)[0]
    peaks = column(model, "peak PSNR")
    selected = column(model, "PSNR [dB] ↑")
    traced = [(p.value, s.value) for p, s in zip(peaks, selected, strict=True) if p.text]
    assert traced
    assert all(peak > value for peak, value in traced)
    assert {row.cells[2].text for row in model.rows if row.cells[-3].text} == {"dip:iterations=500"}


def test_what_does_not_vary_goes_into_the_title(whole):
    cs, denoise = long_tables(whole)
    assert cs.title == "cs"
    assert [c.title for c in cs.columns][:3] == ["level", "dataset", "method"]
    assert denoise.title == "denoise · sigma=25"
    assert [c.title for c in denoise.columns][:2] == ["dataset", "method"]


def test_repeats_are_counted_as_cells(whole):
    assert long_tables(whole)[0].columns[-1].title == "images"
    repeated = long_tables(synthetic(repeats=2))[0]
    assert repeated.columns[-1].title == "cells"
    assert {row.cells[-1].text for row in repeated.rows} == {"8"}


def test_two_protocols_of_one_metric_are_two_columns_and_borders_are_not(whole):
    frame = whole.frame.copy()
    mine = frame["metric"] == "ssim"
    frame.loc[mine, ["metric", "protocol"]] = ["psnr", "1@1"]
    titles = [c.title for c in long_tables(Results(frame=frame))[0].columns]
    assert "PSNR (255/clip_round) [dB] ↑" in titles
    assert "PSNR (1) ↑" in titles
    frame = whole.frame.copy()
    for level, shave in (("ratio=0.1", 2), ("ratio=0.25", 4)):
        frame.loc[(frame["level"] == level) & (frame["metric"] == "psnr"), "protocol"] = f"y/shave{shave}@1"
    model = long_tables(Results(frame=frame))[0]
    assert [c.title for c in model.columns if "PSNR [" in c.title] == ["PSNR [dB] ↑"]
    assert all(cell.text for cell in column(model, "PSNR [dB] ↑"))
    assert "y/shave2@1 and y/shave4@1" in model.caption


def test_a_wide_table_has_methods_down_and_levels_under_datasets(whole):
    models = {model.name: model for model in wide_tables(whole)}
    assert set(models) == {"cs-psnr", "cs-ssim", "cs-time", "denoise-psnr", "denoise-ssim", "denoise-time"}
    model = models["cs-psnr"]
    assert [c.groups for c in model.columns] == [(), ("set-a",), ("set-a",), ("set-b",), ("set-b",)]
    assert [c.title for c in model.columns] == ["method", "10 %", "25 %", "10 %", "25 %"]
    assert [row.cells[0].text for row in model.rows] == ["baseline", "tv", "dip:iterations=500"]
    long = {(r["level"], r["dataset"], r["method_label"]): r["mean"] for _, r in whole.table.iterrows() if r["primary"]}
    assert model.rows[1].cells[3].value == long["ratio=0.1", "set-b", "tv"]


def test_a_wide_table_is_divided_where_it_would_not_fit():
    results = synthetic(datasets=("a", "b", "c"))
    parts = [model for model in wide_tables(results, line=80) if model.name.startswith("cs-psnr")]
    assert [model.name for model in parts] == ["cs-psnr-1", "cs-psnr-2"]
    shown = [(c.groups[0], c.title) for model in parts for c in model.columns[1:]]
    assert shown == [(d, level) for d in "abc" for level in ("10 %", "25 %")]


def test_a_method_trained_on_the_test_set_is_marked(whole):
    frame = whole.frame.copy()
    frame.loc[frame["method"] == "tv", "trained_on_test"] = True
    model = long_tables(Results(frame=frame))[0]
    marked = {row.cells[2].text for row in model.rows if row.cells[3].marks}
    assert marked == {"tv"}
    assert model.footnotes == {"‡": "trained on images of this test set"}
    assert not long_tables(whole)[0].footnotes


def test_undeclared_training_data_are_marked_too(whole):
    frame = whole.frame.astype({"trained_on_test": "object"})
    frame.loc[frame["method"] == "tv", "trained_on_test"] = None
    model = long_tables(Results(frame=frame))[0]
    assert {row.cells[2].text for row in model.rows if row.cells[3].marks} == {"tv"}
    assert "not declared and may contain" in model.footnotes["‡"]


def test_a_caption_says_how_the_numbers_came_about(whole):
    text = wide_tables(whole)[0].caption
    for part in (
        "cs ratio=0.1 and ratio=0.25",
        "set-a (4 images) and set-b (4 images)",
        "255/clip_round@1",
        "Seed 0",
        "Example CPU, 1 thread per cell, torch 2.13.0",
        "01SYNTHETIC, 2026-01-02",
        "benchhost run --tasks cs,denoise",
    ):
        assert part in text
    assert "indicative" not in text
    busy = Results(frame=whole.frame.assign(timing_valid=False), run=whole.run)
    assert "indicative" not in wide_tables(busy)[0].caption, "a table of scores shows no times"
    assert "indicative" in wide_tables(busy)[-1].caption


@pytest.mark.parametrize(
    ("value", "decimals", "text"),
    [
        (24.306, 2, "24.31"),
        (0.99996, 4, "1.0000"),
        (0.0, 4, "0.0000"),
        (3.2e-7, 4, "3.2e-07"),
        (-0.00001, 2, "-1.0e-05"),
        (float("inf"), 2, "∞"),
        (float("-inf"), 2, "−∞"),
    ],
)
def test_numbers_are_printed_at_the_metric_s_precision(value, decimals, text):
    assert number(value, decimals) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (0.0001234, "0.000123"),
        (0.0456, "0.0456"),
        (1.234, "1.23"),
        (9.999, "10.0"),
        (61.49, "61.5"),
        (12345.6, "12300"),
    ],
)
def test_times_are_printed_with_three_digits(value, text):
    assert seconds(value) == text


def test_a_row_that_does_not_fit_its_table_is_refused():
    with pytest.raises(ValueError, match="a row has 1 cells for 2 columns"):
        TableModel(
            name="t", title="", columns=(Column(title="a"), Column(title="b")), rows=(Row(cells=(Cell(text="1"),)),)
        )
