"""Figures: what is drawn, in which colours and sizes, and that the files are whole."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb
from matplotlib.text import Text
from PIL import Image
from safetensors.numpy import save_file

from benchhost.report import Results
from benchhost.report.figures import Tile, convergence, image_strip, quality_time, read_artifact, style, write
from benchhost.report.figures.curves import bands
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

    for module in ("scatter", "curves", "strip"):
        monkeypatch.setattr(f"benchhost.report.figures.{module}.save", keep)
    return found


def texts(figure) -> list[Text]:
    return [text for text in figure.findobj(Text) if text.get_text().strip() and text.get_visible()]


def test_every_figure_is_a_pdf_and_a_png_of_its_name(tmp_path):
    results = synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("a",))
    written = write(results, tmp_path)
    assert sorted(path.name for path in written) == [
        "convergence-cs-ratio-0.1.pdf",
        "convergence-cs-ratio-0.1.png",
        "quality-time-cs-ratio-0.1.pdf",
        "quality-time-cs-ratio-0.1.png",
    ]
    for path in written:
        if path.suffix == ".png":
            assert Image.open(path).size[0] >= 600
        else:
            data = path.read_bytes()
            assert data.startswith(b"%PDF")
            assert b"/FontFile2" in data, "fonts are embedded as TrueType, which publishers ask for"


def test_the_same_results_give_the_same_bytes(tmp_path):
    results = synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("a",))
    for first, second in zip(quality_time(results, tmp_path / "1"), quality_time(results, tmp_path / "2"), strict=True):
        assert first.read_bytes() == second.read_bytes()


def test_text_is_never_smaller_than_seven_points(tmp_path, drawn):
    write(synthetic(tasks={"cs": ("ratio=0.1",)}), tmp_path)
    image_strip([Tile(title="truth", array=np.eye(16)), Tile(title="dip:x=1", array=np.eye(16))], tmp_path / "s")
    assert len(drawn) == 3
    for figure in drawn:
        assert min(text.get_fontsize() for text in texts(figure)) >= style.SMALLEST


def test_a_method_has_one_colour_in_every_figure_and_every_run(tmp_path, drawn):
    write(synthetic(tasks={"cs": ("a=1",)}, methods=("tv", "dip:iterations=500")), tmp_path / "1")
    write(synthetic(tasks={"sr": ("b=2",)}, methods=("mine", "dip:iterations=9", "tv")), tmp_path / "2")
    for figure in drawn:
        colours = {line.get_color() for place in figure.axes for line in place.get_lines()}
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
    assert [text.get_text() for text in place.get_legend().get_texts()] == ["dip:x=1", "selected (median)"]
    assert place.get_ylim()[0] > 5, "a residual of 1 would be the smallest value drawn"


def test_convergence_shows_what_was_selected(tmp_path, drawn):
    results = synthetic(tasks={"cs": ("a=1",)}, datasets=("d",))
    convergence(results, tmp_path)
    table = results.table
    selected = table[(table["method"] == "dip") & table["primary"]]["median"].iloc[0]
    dotted = [line.get_ydata() for line in drawn[0].axes[0].get_lines() if line.get_linestyle() == ":"]
    assert any(len(y) and y[0] == pytest.approx(selected) for y in dotted)


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
