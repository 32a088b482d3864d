"""Figures: what is drawn, in which colours and sizes, and that the files are whole."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from PIL import Image

from benchhost.errors import UsageError
from benchhost.plugins import load
from benchhost.report import Results
from benchhost.report.figures import (
    Tile,
    convergence,
    image_strip,
    quality_time,
    style,
    write,
)
from benchhost.report.figures.curves import bands, stops
from benchhost.report.figures.scatter import front
from benchhost.report.results import CONTROLS
from benchhost.report.synthetic import synthetic
from tests.report.figure_texts import texts


def test_every_figure_is_a_pdf_and_a_png_of_its_name(tmp_path):
    results = synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("a",))
    written = write(results, tmp_path)
    names = ["box-cs-ratio-0.1", "convergence-cs-ratio-0.1", "memory-cs", "paired-cs-ratio-0.1"]
    names.append("quality-time-cs-ratio-0.1")
    assert sorted(path.name for path in written) == [f"{name}{end}" for name in names for end in (".pdf", ".png")]
    for path in written:
        if path.suffix == ".png":
            assert Image.open(path).size[0] == 3.4 * 200
        else:
            data = path.read_bytes()
            assert data.startswith(b"%PDF")
            assert b"/FontFile2" in data, "fonts are embedded as TrueType, which publishers ask for"


def test_the_same_results_give_the_same_bytes(tmp_path):
    results = synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("a",))
    for first, second in zip(quality_time(results, tmp_path / "1"), quality_time(results, tmp_path / "2"), strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_text_is_never_smaller_than_seven_points(tmp_path, drawn):
    levels = {"cs": ("ratio=0.1", "ratio=0.25"), "sr": tuple(f"scale={n}" for n in (2, 3, 4, 8))}
    everything = synthetic(tasks=levels, datasets=("d",), images=3)
    everything = Results(frame=everything.frame, run=everything.run, traces=everything.traces.iloc[:200])
    for width in (3.4, 7):
        write(everything, tmp_path, {"width": width})
        tiles = [Tile(title="truth", array=np.eye(16)), Tile(title="dip:x=1", array=np.eye(16))]
        image_strip(tiles, tmp_path / "s", errors=True, width=width)
        assert {round(figure.get_size_inches()[0], 3) for figure in drawn[:-1]} == {width}
        check_and_forget(drawn)


def check_and_forget(drawn) -> None:
    assert len(drawn) == 26
    for figure in drawn:
        assert min(text.get_fontsize() for text in texts(figure)) >= style.SMALLEST
        width, height = figure.canvas.get_width_height()
        for text in texts(figure):
            box = text.get_window_extent()
            if text.get_clip_on() is False:
                assert box.x0 >= -1, text.get_text()
                assert box.x1 <= width + 1, text.get_text()
                assert box.y0 >= -1, text.get_text()
                assert box.y1 <= height + 1, text.get_text()
    drawn.clear()


def test_a_method_has_one_colour_in_every_figure_and_every_run(tmp_path, drawn):
    write(synthetic(tasks={"cs": ("a=1",)}, methods=("tv", "dip:iterations=500")), tmp_path / "1")
    write(synthetic(tasks={"sr": ("b=2",)}, methods=("mine", "dip:iterations=9", "tv")), tmp_path / "2")
    for figure in drawn:
        colours = {line.get_color() for place in figure.axes for line in place.get_lines()}
        colours |= {to_hex(patch.get_facecolor()).upper() for place in figure.axes for patch in place.patches}
        assert style.NAMED["dip"] in colours
    assert style.look("mine").colour == style.look("mine", 3).colour
    assert style.look("mine").colour in style.OTHERS


def test_settings_of_one_method_differ_in_marker_and_dashes():
    found = style.looks(synthetic(methods=("dip", "dip:iterations=9", "dip:preset=paper", "tv")))
    dips = [found[label] for label in ("dip", "dip:iterations=9", "dip:preset=paper")]
    assert len({look.colour for look in dips}) == 1
    assert len({look.marker for look in dips}) == 3
    assert len({str(look.line) for look in dips}) == 3


def test_colours_stay_apart_for_colour_blind_readers():
    # Machado, Oliveira and Fernandes (2009), severity 1; linear RGB distance, greys and black apart by brightness.
    blind = {
        "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    }
    names = [name for name in style.NAMED if name not in {*CONTROLS, "pinv", "adjoint"}]
    for matrix in blind.values():
        seen = [np.clip(np.array(matrix) @ np.array(to_rgb(style.NAMED[name])), 0, 1) for name in names]
        distances = [np.linalg.norm(a - b) for n, a in enumerate(seen) for b in seen[:n]]
        assert min(distances) > 0.1


def test_the_front_holds_what_nothing_faster_equals():
    seconds, quality = np.array([1.0, 2.0, 3.0, 4.0, 0.5]), np.array([30.0, 29.0, 31.0, 31.0, 20.0])
    assert front(seconds, quality, higher_is_better=True).tolist() == [4, 0, 2]
    assert front(seconds, -quality, higher_is_better=False).tolist() == [4, 0, 2]


def test_controls_failures_and_infinite_scores_are_not_drawn(tmp_path, drawn):
    results = synthetic(
        tasks={"cs": ("a=1",)},
        datasets=("d",),
        methods=("tv", "dct", "slow", "oracle"),
        failures={("slow", "*"): ("timeout", "60 s")},
    )
    quality_time(results, tmp_path)
    names = {text.get_text() for text in texts(drawn[0])}
    assert {"tv", "dct"} <= names
    assert not {"slow", "oracle"} & names


def test_a_method_with_missing_images_is_hollow_and_says_how_many(tmp_path, drawn):
    results = synthetic(
        tasks={"cs": ("a=1",)}, datasets=("d",), methods=("tv", "dct"), failures={("tv", "image01"): ("oom", "")}
    )
    quality_time(results, tmp_path)
    assert "tv (3/4)" in {text.get_text() for text in texts(drawn[0])}
    faces = {
        line.get_markerfacecolor() for line in drawn[0].axes[0].get_lines() if line.get_marker() not in ("None", "")
    }
    assert "white" in faces


def test_labels_cover_neither_points_nor_each_other(tmp_path, drawn):
    results = synthetic(tasks={"cs": ("a=1",)}, datasets=("d",), methods=("baseline", "pinv", "tv", "bm3d", "mine"))
    quality_time(results, tmp_path)
    labels = [t for t in texts(drawn[0]) if t.get_text() in ("baseline", "pinv", "tv", "bm3d", "mine")]
    boxes = [label.get_window_extent() for label in labels]
    assert len(boxes) == 5
    assert not any(a.overlaps(b) for n, a in enumerate(boxes) for b in boxes[:n])


def test_indicative_times_are_called_so_on_the_axis(tmp_path, drawn):
    results = synthetic(tasks={"cs": ("a=1",)}, datasets=("d",))
    quality_time(Results(frame=results.frame.assign(timing_valid=False), run=results.run), tmp_path)
    assert drawn[0].axes[0].get_xlabel() == "seconds per image (median, indicative)"


def test_nothing_to_compare_gives_no_figure(tmp_path):
    assert quality_time(synthetic(methods=("tv",)), tmp_path) == []
    assert convergence(Results(frame=synthetic().frame), tmp_path) == []
    assert not list(tmp_path.iterdir())


def test_bands_are_quartiles_and_end_where_half_the_images_have_stopped():
    rows = pd.DataFrame(
        [(f"k{k}", step, float(k)) for k in range(4) for step in range(1, (2, 3, 4, 5)[k] + 1)],
        columns=["key", "step", "value"],
    )
    found = bands(rows)
    assert found.index.tolist() == [1, 2, 3, 4]  # at step 5 one of four is left
    assert found.loc[1].tolist() == [0.75, 1.5, 2.25]
    assert found.loc[4].tolist() == [2.25, 2.5, 2.75]


def test_convergence_draws_the_primary_metric_of_methods_that_iterate(tmp_path, drawn):
    results = synthetic(tasks={"cs": ("a=1",)}, datasets=("d",), methods=("tv", "dip:x=1", "once:x=1"))
    single = results.traces["key"].str.contains("once") & (results.traces["step"] > 25)
    convergence(Results(frame=results.frame, run=results.run, traces=results.traces[~single]), tmp_path)
    place = drawn[0].axes[0]
    assert [text.get_text() for text in place.get_legend().get_texts()] == [
        "dip:x=1",
        "selected (median)",
        "peak (median)",
    ]
    assert place.get_ylim()[0] > 5, "a residual of 1 would be the smallest value drawn"


def test_convergence_shows_what_was_selected(tmp_path, drawn):
    results = synthetic(tasks={"cs": ("a=1",)}, datasets=("d",))
    convergence(results, tmp_path)
    table = results.table
    selected = table[(table["method"] == "dip") & table["primary"]]["median"].iloc[0]
    dotted = [line.get_ydata() for line in drawn[0].axes[0].get_lines() if line.get_linestyle() == ":"]
    assert any(len(y) and y[0] == pytest.approx(selected) for y in dotted)


def test_convergence_marks_the_peak_and_the_step_of_what_was_selected(tmp_path, drawn):
    rows = pd.DataFrame(
        [
            (k, step, value + k, 26.0 + k)
            for k in (0, 1, 2)
            for step, value in ((1, 20.0), (2, 30.0), (3, 26.0), (4, 25.0))
        ],
        columns=["key", "step", "value", "selected"],
    ).assign(higher_is_better=True)
    assert stops(rows) == {"peak": 31.0, "peak_step": 2.0, "selected": 27.0, "selected_step": 3.0}
    assert (
        stops(rows.assign(value=-rows["value"], selected=-rows["selected"], higher_is_better=False))["peak_step"] == 2.0
    )
    convergence(synthetic(tasks={"cs": ("a=1",)}, datasets=("d",)), tmp_path)
    stars = [line for line in drawn[0].axes[0].get_lines() if line.get_marker() == "*" and len(line.get_xdata())]
    assert [line.get_xdata()[0] for line in stars] == [300.0]  # the synthetic traces peak at step 12 of 20, 25 apart


def test_named_methods_differ_in_marker_for_prints_in_grey():
    names = [name for name in style.NAMED if name not in CONTROLS]
    assert {method.name for method in load().methods.values() if method.name not in CONTROLS} == set(names)
    assert len({style.look(name).marker for name in names}) == len(names)


def test_methods_of_others_take_no_colour_of_a_named_one():
    assert {style.look(f"method{number}").colour for number in range(99)}.isdisjoint(style.NAMED.values())


def test_a_width_that_is_none_is_refused(tmp_path):
    for width, message in (("wide", "'wide' is not a number"), (0.5, "3 to 20 inches wide, got 0.5")):
        with pytest.raises(UsageError, match=message):
            write(synthetic(), tmp_path, {"width": width})


def test_figures_leave_matplotlib_s_settings_alone(tmp_path):
    import matplotlib as mpl
    import matplotlib._pylab_helpers as open_figures

    before = dict(mpl.rcParams)
    pdf, png = image_strip([Tile(title="t", array=np.eye(16))], tmp_path / "strip-0.25")
    assert (pdf.name, png.name) == ("strip-0.25.pdf", "strip-0.25.png")
    assert png.stat().st_size > 1000
    assert dict(mpl.rcParams) == before
    assert not open_figures.Gcf.figs
