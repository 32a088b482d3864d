"""Figures: what is drawn, in which colours and sizes, and that the files are whole."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text
from PIL import Image
from safetensors.numpy import save_file

from benchhost.errors import UsageError
from benchhost.report import Results
from benchhost.report.figures import (
    Tile,
    boxes,
    convergence,
    critical_difference_diagram,
    image_strip,
    memory_bars,
    paired_dots,
    quality_level,
    quality_time,
    read_artifact,
    style,
    write,
)
from benchhost.report.figures.curves import bands, stops
from benchhost.report.figures.groups import shortened, thinned
from benchhost.report.figures.levels import varied
from benchhost.report.figures.ranks import blocks
from benchhost.report.figures.scatter import front
from benchhost.report.figures.strip import chosen_crop, display_window
from benchhost.report.synthetic import synthetic


@pytest.fixture
def drawn(monkeypatch):
    """The figures that would have been saved; writing a PDF takes longer than all the rest."""
    found = []

    def keep(figure, path: Path) -> list[Path]:
        found.append(figure)
        return [path]

    for module in ("scatter", "levels", "curves", "images", "memory", "ranks", "strip"):
        monkeypatch.setattr(f"benchhost.report.figures.{module}.save", keep)
    return found


def texts(figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


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
    everything = synthetic(tasks={"cs": ("ratio=0.1", "ratio=0.25"), "sr": ("scale=2", "scale=4")})
    for width in (3.4, 7):
        write(everything, tmp_path, {"width": width})
        tiles = [Tile(title="truth", array=np.eye(16)), Tile(title="dip:x=1", array=np.eye(16))]
        image_strip(tiles, tmp_path / "s", errors=True, width=width)
        assert {round(figure.get_size_inches()[0], 3) for figure in drawn[:-1]} == {width}
        check_and_forget(drawn)


def check_and_forget(drawn) -> None:
    assert len(drawn) == 22
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
    names = ["tv", "dip", "bm3d", "wiener", "idm", "ddnm", "rim", "baseline"]
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


def test_named_methods_differ_in_marker_for_prints_in_grey():
    assert len({style.look(name).marker for name in style.NAMED}) == len(style.NAMED)


def test_a_width_that_is_none_is_refused(tmp_path):
    for width, message in (("wide", "'wide' is not a number"), (0.5, "3 to 20 inches wide, got 0.5")):
        with pytest.raises(UsageError, match=message):
            write(synthetic(), tmp_path, {"width": width})


def test_ticks_that_would_touch_are_thinned_and_the_last_stays():
    assert thinned(np.array([0.0, 0.05, 0.3, 0.95, 1.0]), 0.1).tolist() == [0, 2, 4]


def test_a_long_label_keeps_its_beginning_and_its_end():
    assert shortened("dip:iterations=2000", 12) == "dip:it…=2000"
    assert shortened("dip", 12) == "dip"


def test_the_error_row_is_on_one_scale_and_says_it(tmp_path, drawn):
    rng = np.random.RandomState(0)
    truth = rng.rand(32, 32)
    tiles = [Tile(title="truth", array=truth), Tile(title="y", array=truth[::2, ::2])]
    tiles += [Tile(title=f"m{n}", array=truth + 0.1 * n) for n in (1, 2)]
    image_strip(tiles, tmp_path / "s", crop=(4, 4, 8, 8), errors=True)
    errors = [drawn[0].axes[3 * n + 2] for n in range(4)]
    assert [len(place.get_images()) for place in errors] == [0, 0, 1, 1], "truth and the smaller measurement have none"
    assert errors[0].texts[0].get_text() == "error\n0 to 0.2"
    np.testing.assert_allclose(errors[2].get_images()[0].get_array(), 0.5)
    np.testing.assert_allclose(errors[3].get_images()[0].get_array(), 1.0)


def test_a_strip_shows_every_tile_twice_with_one_crop(tmp_path, drawn):
    rng = np.random.RandomState(0)
    tiles = [Tile(title=f"t{n}", array=rng.rand(32, 48), caption=f"{n} dB") for n in range(8)]
    image_strip(tiles, tmp_path / "strip", crop=(4, 8, 12, 16))
    shown = [place.get_images()[0].get_array() for place in drawn[0].axes]
    assert [a.shape for a in shown] == [(32, 48), (12, 16)] * 8
    np.testing.assert_allclose(shown[3], tiles[1].array[4:16, 8:24])
    assert {f"t{n}" for n in range(8)} | {f"{n} dB" for n in range(8)} <= {t.get_text() for t in texts(drawn[0])}


def test_a_smaller_measurement_is_cropped_at_the_same_place(tmp_path, drawn):
    truth = np.random.RandomState(0).rand(32, 32, 3)
    image_strip(
        [Tile(title="truth", array=truth), Tile(title="y", array=truth[::4, ::4])], tmp_path / "s", crop=(8, 16, 8, 8)
    )
    np.testing.assert_allclose(drawn[0].axes[3].get_images()[0].get_array(), truth[::4, ::4][2:4, 4:6])


def test_the_crop_is_where_the_methods_differ_most():
    truth = np.tile(np.arange(64) // 2 % 2 / 2.0, (64, 1))
    one, other = truth.copy(), truth.copy()
    other[40:48, 20:28] = 1.0
    noisy = truth + np.random.RandomState(0).rand(64, 64)
    top, left, height, width = chosen_crop([truth, noisy, one, other])
    assert (height, width) == (16, 16)
    assert top <= 40
    assert left <= 20
    assert top + height >= 48
    assert left + width >= 28


def test_the_crop_prefers_detail_to_noise_on_flat_ground():
    rng = np.random.RandomState(0)
    truth = np.zeros((64, 64))
    truth[8:24:3, 36:52] = 1.0
    top, left, height, width = chosen_crop([truth, truth, *(truth + 0.3 * rng.rand(64, 64) for _ in range(3))])
    assert (top, left, height, width) == pytest.approx((8, 36, 16, 16), abs=2)


def test_controls_do_not_choose_the_crop(tmp_path, drawn):
    rng = np.random.RandomState(0)
    truth = np.tile(np.arange(64) // 2 % 2 / 2.0, (64, 1))
    one, other = truth.copy(), truth.copy()
    other[40:56, 20:36] += 0.2
    named = {"truth": truth, "y": truth, "tv": one, "dip": other}
    image_strip([Tile(title=title, array=array) for title, array in named.items()], tmp_path / "s")
    named["noise"] = rng.rand(64, 64) * 9
    image_strip([Tile(title=title, array=array) for title, array in named.items()], tmp_path / "s")
    corners = [figure.axes[0].patches[0].get_xy() for figure in drawn]
    assert corners[0] == corners[1]
    assert corners[0] == pytest.approx((19.5, 39.5), abs=1.5)


@pytest.mark.parametrize("shape", [(8, 8), (9, 40), (33, 17), (5, 5)])
def test_the_crop_lies_inside_whatever_the_size(shape):
    rng = np.random.RandomState(0)
    for count in (1, 2, 3, 4):
        top, left, height, width = chosen_crop([rng.rand(*shape) for _ in range(count)])
        assert 0 <= top <= top + height <= shape[0]
        assert 0 <= left <= left + width <= shape[1]


def test_images_are_shown_from_black_to_white_and_other_data_over_their_extent():
    assert display_window(np.array([0.1, 0.9])) == (0.0, 1.0)
    assert display_window(np.array([0.0, 0.03])) == (0.0, 0.03)
    assert display_window(np.array([-1000.0, 400.0])) == (-1000.0, 400.0)
    assert display_window(np.array([0.0, 0.0])) == (0.0, 1.0)


def test_artifacts_are_read_as_pictures(tmp_path):
    rng = np.random.RandomState(0)
    for channels, shape in ((1, (6, 7)), (2, (6, 7)), (3, (6, 7, 3))):
        array = rng.rand(1, channels, 6, 7).astype(np.float32)
        save_file({"estimate": array}, tmp_path / "a.safetensors")
        picture = read_artifact(tmp_path / "a.safetensors")
        assert picture.shape == shape
        if channels == 2:
            np.testing.assert_allclose(picture, np.abs(array[0, 0] + 1j * array[0, 1]), rtol=1e-6)
    save_file({"estimate": rng.rand(2, 1, 4, 4)}, tmp_path / "b.safetensors")
    with pytest.raises(ValueError, match=r"b.safetensors holds shape \(2, 1, 4, 4\)"):
        read_artifact(tmp_path / "b.safetensors")


def test_what_is_no_picture_is_refused(tmp_path):
    with pytest.raises(ValueError, match="at least one tile"):
        image_strip([], tmp_path / "s")
    with pytest.raises(ValueError, match=r"tile 'x' has shape \(4, 4, 2\)"):
        image_strip([Tile(title="x", array=np.zeros((4, 4, 2)))], tmp_path / "s")


def test_figures_leave_matplotlib_s_settings_alone(tmp_path):
    import matplotlib as mpl
    import matplotlib._pylab_helpers as open_figures

    before = dict(mpl.rcParams)
    pdf, png = image_strip([Tile(title="t", array=np.eye(16))], tmp_path / "strip-0.25")
    assert (pdf.name, png.name) == ("strip-0.25.pdf", "strip-0.25.png")
    assert png.stat().st_size > 1000
    assert dict(mpl.rcParams) == before
    assert not open_figures.Gcf.figs
