"""Image strips: tiles, crops, errors, and what is read as a picture."""

import numpy as np
import pytest
from safetensors.numpy import save_file

from benchhost.report.figures import (
    Tile,
    image_strip,
    read_artifact,
)
from benchhost.report.figures.strip import chosen_crop, display_window
from tests.report.figure_texts import texts


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
