"""Layouts: what stands down and across, pairs, division, significance, published rows, presets of papers."""

import csv
import io
import json
import time
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from benchhost.errors import UsageError
from benchhost.report import Results, TableModel, comma, htmltable, latex, markdown, terminal_table
from benchhost.report.bibliography import Bibliography
from benchhost.report.layouts import Layout, paper_tables, parse, wide_tables
from benchhost.report.papers import PAPERS, chosen_tables, paper, published_lines
from benchhost.report.published import published
from benchhost.report.synthetic import synthetic
from tests.report.golden_files import same

RENDERERS = {"tex": latex, "md": markdown, "html": htmltable, "txt": terminal_table, "csv": comma}
LAYOUTS = ("levels", "pairs", "datasets", "datasets,pairs", "images", "transposed", "transposed,pairs", "landscape")


@pytest.fixture(scope="module")
def results() -> Results:
    """Seven images, so that differences are tested; one hole, one method that never ended, one control."""
    return synthetic(
        images=7,
        methods=("baseline", "tv", "dip:iterations=500", "slow", "oracle"),
        failures={("tv", "image01"): ("oom", "memory cap 4 GB exceeded"), ("slow", "*"): ("timeout", "60 s per image")},
    )


def like_a_paper(levels: dict[str, tuple[float, ...]], datasets: tuple[str, ...], parameter: str) -> Results:
    """Synthetic rows with numeric task parameters, as the store has them."""
    tasks = {task: tuple(f"{parameter}={value:g}" for value in values) for task, values in levels.items()}
    found = synthetic(tasks=tasks, datasets=datasets, images=3)
    params = [json.dumps({parameter: float(level.partition("=")[2])}) for level in found.frame["level"]]
    return Results(frame=found.frame.assign(task_params=params), run=found.run)


def texts(model: TableModel) -> list[list[str]]:
    return [[cell.text for cell in row.cells] for row in model.rows]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("suffix", RENDERERS)
def test_each_layout_is_as_agreed_in_every_renderer(results, layout, suffix):
    tables = [RENDERERS[suffix].render(model) for model in paper_tables(results, parse(layout))[:2]]
    same(f"layout-{layout.replace(',', '-')}.{suffix}", "\n\n".join(tables) + "\n")


def test_a_layout_is_read_from_words():
    assert parse("levels") == Layout(spread=True)
    assert parse("datasets, pairs") == Layout(shape="datasets", pairs=True)
    assert parse("pairs", spread=True) == Layout(pairs=True, spread=True)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("datasetz", "No layout 'datasetz'. Did you mean 'datasets'"),
        ("levels,images", "names 2 shapes"),
        ("images,pairs", "leave out 'pairs'"),
    ],
)
def test_a_layout_that_makes_no_sense_is_refused(text, message):
    with pytest.raises(UsageError, match=message):
        parse(text)


def test_data_sets_across_have_a_block_of_methods_per_level(results):
    model = paper_tables(results, parse("datasets"))[0]
    assert [c.title for c in model.columns] == ["level", "method", "set-a", "set-b"]
    assert [row.cells[0].text for row in model.rows] == ["10 %", "", "", "", "", "25 %", "", "", "", ""]
    assert [row.rule_above for row in model.rows].count(True) == 1
    at = {(r["level"], r["dataset"], r["method_label"]): r["mean"] for _, r in results.table.iterrows() if r["primary"]}
    assert model.rows[7].cells[3].value == at["ratio=0.25", "set-b", "dip:iterations=500"]


def test_pairs_put_two_metrics_side_by_side_each_with_its_own_best(results):
    model = paper_tables(results, parse("pairs"))[0]
    assert [c.title for c in model.columns[1:3]] == ["PSNR ↑", "SSIM ↑"]
    assert [c.joined for c in model.columns[:4]] == [False, False, True, False]
    best = next(row for row in model.rows if row.cells[0].text == "dip:iterations=500")
    assert {cell.style for cell in best.cells[1:]} == {"best"}


def test_turned_tables_have_methods_across_and_rank_along_rows(results):
    model = paper_tables(results, parse("transposed"))[0]
    assert [c.title for c in model.columns] == [
        "dataset",
        "level",
        "baseline",
        "tv",
        "dip:iterations=500",
        "slow",
        "oracle",
    ]
    assert [row.cells[0].text for row in model.rows] == ["set-a", "", "set-b", ""]
    assert all(row.cells[4].style == "best" for row in model.rows)


def test_tasks_stand_side_by_side_on_a_page_on_its_side(results):
    (model,) = paper_tables(results, parse("landscape"))
    assert model.landscape
    spans = [(text, width) for text, _, width in model.header_spans[0]]
    assert spans == [("", 1), ("cs", 4), ("denoise", 2)]
    assert [text for text, *_ in model.header_spans[1]] == ["", "set-a", "set-b", "set-a", "set-b"]


def test_tasks_that_measure_a_metric_by_protocols_of_their_own_stand_side_by_side(results):
    frame = results.frame.assign(protocol=results.frame["task"].map({"cs": "255/clip@1", "denoise": "1@1"}))
    (model,) = paper_tables(Results(frame=frame, run=results.run), parse("landscape"))
    (whole,) = paper_tables(results, parse("landscape"))
    assert texts(model) == texts(whole)
    assert "PSNR 255/clip@1 and 1@1" in model.caption


def test_equal_headers_of_different_parents_are_not_joined(results):
    model = next(m for m in paper_tables(results, parse("pairs")) if m.name.startswith("denoise"))
    assert model.header_spans[1] == [("", 0, 1), ("σ = 25", 1, 2), ("σ = 25", 3, 2)]


def test_images_across_end_with_their_mean(results):
    model = paper_tables(results, parse("images"))[0]
    assert [c.title for c in model.columns][-2:] == ["image06", "mean"]
    dip = next(row for row in model.rows if row.cells[0].text.startswith("dip"))
    assert dip.cells[-1].value == pytest.approx(np.mean([cell.value for cell in dip.cells[1:-1]]))
    tv = next(row for row in model.rows if row.cells[0].text == "tv")
    assert tv.cells[2].text == "OOM"
    assert tv.cells[-1].count == "(6/7)"


def test_numbers_agree_to_the_digit_in_latex_html_markdown_and_csv(results):
    model = wide_tables(results)[0]
    rows = list(csv.reader(io.StringIO(comma.render(model))))[1:]
    for row, line in zip(model.rows, rows, strict=True):
        digits = [text for text, head in zip(line[1:], range(99), strict=False) if head % 2 == 0]
        for cell, text in zip(row.cells[1:], digits, strict=True):
            if cell.value is None:
                assert cell.text == text == "T/O"
                continue
            assert f"{float(text):.2f}" == cell.text
            for rendered in (latex.render(model), htmltable.render(model), markdown.render(model)):
                assert cell.text in rendered


def test_a_hundred_thousand_rows_become_latex_in_seconds(tmp_path):
    base = synthetic(images=5, datasets=("a", "b", "c"), methods=tuple(f"m{n}" for n in range(10))).frame
    parts = [base.assign(image=base["image"] + f"-{n}", key=base["key"] + f"-{n}") for n in range(100_000 // len(base))]
    many = Results(frame=pd.concat(parts, ignore_index=True))
    start = time.process_time()
    assert len(latex.write(many, tmp_path)) > 5
    assert time.process_time() - start < 6  # measured: 1 s; a million rows take 7 s


def test_what_does_not_fit_is_divided_and_nothing_is_lost(results):
    for layout in ("pairs", "datasets,pairs", "landscape,pairs", "images", "transposed", "transposed,pairs"):
        whole = paper_tables(results, parse(layout), line=10_000)
        parts = paper_tables(results, parse(layout), line=60)
        assert len(parts) > len(whole)

        def values(models):
            return sorted(cell.value for model in models for row in model.rows for cell in row.cells if cell.value)

        assert values(parts) == values(whole)


def close_race(images: int) -> Results:
    """Two methods of which the better one wins by chance on half of the images."""
    found = synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("set11",), images=images, methods=("a", "b", "c"))
    rng = np.random.RandomState(0)
    values = found.frame["value"].to_numpy().copy()
    for method, shift in (("a", 30.0), ("b", 30.1), ("c", 20.0)):
        mine = ((found.frame["method"] == method) & (found.frame["metric"] == "psnr")).to_numpy()
        values[mine] = shift + rng.randn(mine.sum())
    return Results(frame=found.frame.assign(value=values, task_params='{"ratio": 0.1}'), run=found.run)


def test_signs_and_published_rows_are_as_agreed_in_every_renderer():
    frame = close_race(12).frame
    frame.loc[frame["method"] == "a", "trained_on_test"] = True
    (model,) = paper("idm", Results(frame=frame, run=close_race(12).run), Bibliography(), reported=True)
    model = replace(model, rows=model.rows[:6])
    same("signs.tex", latex.render(model) + "\n")
    same("signs.md", markdown.render(model) + "\n")
    same("signs.html", htmltable.render(model) + "\n")
    same("signs.txt", terminal_table.render(model) + "\n")


def test_the_best_is_marked_where_it_is_not_significantly_better():
    psnr = wide_tables(close_race(12))[0]
    best = next(cell for row in psnr.rows for cell in row.cells if cell.style == "best")
    assert best.marks == ("†",)
    assert "not significantly better than the second" in psnr.footnotes["†"]
    assert "\\textbf{" in latex.render(psnr)
    assert "$\\dagger$" in latex.render(psnr)


def test_a_clear_winner_is_not_marked(results):
    model = wide_tables(results)[0]
    assert not any("†" in cell.marks for row in model.rows for cell in row.cells)
    assert "†" not in model.footnotes


def test_nothing_is_marked_at_five_images_and_the_caption_says_so():
    model = wide_tables(close_race(5))[0]
    assert not any(cell.marks for row in model.rows for cell in row.cells)
    assert "fewer than 6 images are not tested" in model.caption
    assert "not tested" not in wide_tables(close_race(6))[0].caption


def test_published_figures_carry_their_source():
    for table in published():
        assert table.where
        assert table.note
        assert set(table.papers) <= set(PAPERS)
        Bibliography().entry(table.source)  # raises KeyError where references.bib lacks it


def test_published_rows_stand_apart_greyed_and_cited():
    results = like_a_paper({"cs": (0.1, 0.3)}, ("set11", "cbsd68"), "ratio")
    bibliography = Bibliography()
    (model,) = paper("idm", results, bibliography, reported=True)
    reported = [row for row in model.rows if row.reported]
    assert [row.reported for row in model.rows] == [False] * 3 + [True] * 21
    assert all(row.cells[0].text.endswith("(reported)") and row.cells[0].cite for row in reported)
    assert {cell.style for row in reported for cell in row.cells} == {"muted"}
    assert reported[0].rule_above
    assert texts(model)[3][:4] == ["DGUNet+ (reported)", "30.92", "–", "41.24"]
    assert "Chen et al. 2025, Table 1 (figs/res1.png" in model.footnotes["a"]
    assert "cbsd68: images cropped to 288x480" in model.footnotes["a"]
    assert {"chen2025idm", "chen2024pcnet"} <= set(bibliography.used)


def test_published_rows_change_no_measured_cell():
    results = like_a_paper({"cs": (0.1, 0.3)}, ("set11",), "ratio")
    layout = parse("levels")
    plain = chosen_tables(results, {"layout": "levels"}, Bibliography())[0]
    with_them = chosen_tables(results, {"layout": "levels", "reported": True}, Bibliography())[0]
    assert [row for row in with_them.rows if not row.reported] == list(plain.rows)
    assert any(row.reported for row in with_them.rows)
    assert layout.spread


def test_a_published_figure_is_matched_by_all_its_parameters():
    (table,) = [t for t in published() if t.source == "putzky2017rim" and t.params.get("quantise")]
    said = '{"sigma": 25.0, "quantise": true}'
    assert table.figure("RIM-denoise", "denoise", said, "bsd68", "psnr") == 28.76
    assert table.figure("RIM-denoise", "denoise", '{"sigma": 25.0}', "bsd68", "psnr") is None
    assert table.figure("RIM-denoise", "denoise", said, "set12", "psnr") is None
    assert table.figure("RIM-denoise", "denoise", said, "bsd68", "ssim") is None


def test_a_method_published_for_two_metrics_has_one_row():
    results = like_a_paper({"cs": (0.1,)}, ("set11",), "ratio")
    (model,) = paper("ddnm", results, Bibliography(), reported=True)
    row = next(row for row in texts(model) if row[0].startswith("DDNM, 10"))
    assert row[1:] == ["13.39", "0.1404"]


@pytest.mark.parametrize("name", PAPERS)
def test_every_preset_says_what_is_known_of_the_paper_s_table(name):
    task = PAPERS[name][0].task or "cs"
    results = like_a_paper({task: (25,)}, ("mine",), "sigma")
    for model in paper(name, results, Bibliography()):
        assert f"Layout after {name.upper()}: " in model.caption
        assert model.name.startswith(name)


def test_a_preset_keeps_the_paper_s_order_and_leaves_out_what_it_lacks():
    results = like_a_paper({"sr": (2, 8)}, ("urban100", "set5", "mine"), "scale")
    (model,) = paper("nsr", results, Bibliography())
    assert [c.title for c in model.columns] == ["method", "set5", "urban100"]
    assert "2" in model.caption
    assert "8" not in model.caption.split("Protocol")[0]


def test_a_run_with_none_of_a_preset_s_conditions_is_shown_in_its_shape():
    results = like_a_paper({"cs": (0.2,)}, ("mine",), "ratio")
    (model,) = paper("idm", results, Bibliography())
    assert [(c.groups, c.title) for c in model.columns[1:]] == [(("mine",), "20 %")]


def test_a_run_without_the_paper_s_tasks_is_refused(results):
    only = Results(frame=results.frame[results.frame["task"] == "denoise"], run=results.run)
    with pytest.raises(UsageError, match="no cells of the tasks of --paper idm"):
        paper("idm", only, Bibliography())
    with pytest.raises(UsageError, match="No paper 'ddmn'. Did you mean 'ddnm'"):
        paper("ddmn", only, Bibliography())


def test_turned_tables_refuse_published_rows():
    results = like_a_paper({"cs": (0.1,)}, ("set11",), "ratio")
    with pytest.raises(UsageError, match="methods down"):
        chosen_tables(results, {"layout": "transposed", "reported": True}, Bibliography())
    assert published_lines()
