"""Deblurring: kernels, boundaries, and the rounding that hides in the protocol of DPIR."""

import numpy as np
import pytest
import torch
from benchhost_tasks.artefacts import load_arrays
from benchhost_tasks.deblur_spec import DeblurParams
from benchhost_tasks.kernels import ddnm_taps, factors_of, gaussian_taps, kernel_of, motion_kernel
from scipy import ndimage

from benchhost import params as P
from benchhost.errors import UnsuitableImage, UsageError


@pytest.fixture
def levin(shared_data):
    return str(shared_data / "operators" / "Levin09.mat")


def test_the_kernels_of_levin_are_eight_of_13_to_27_pixels_with_sum_one(levin):
    kernels = load_arrays(levin)
    assert len(kernels) == 8
    assert {min(k.shape) for k in kernels} | {max(k.shape) for k in kernels} <= set(range(13, 28))
    np.testing.assert_allclose([k.sum() for k in kernels], 1, atol=1e-12)


def test_the_twelve_kernels_of_kair_are_read(shared_data):
    kernels = load_arrays(str(shared_data / "operators" / "kernels_12.mat"))
    assert [k.shape for k in kernels] == [(25, 25)] * 12


def test_every_kernel_of_levin_blurs_as_ndimage_wrap_does(levin, pose, picture):
    image = picture(48, 40)
    for index, kernel in enumerate(load_arrays(levin)):
        posed = pose("deblur", image, kernel=levin, index=index, sigma=0.0)
        expected = ndimage.convolve(image / 255, kernel, mode="wrap")
        np.testing.assert_allclose(posed.y[0, 0], expected, atol=2e-7)


def test_measurements_of_dpir_are_reproduced_from_their_own_recipe(levin, items, pose):
    item = next(i for i in items("set5") if "butterfly" in i.name.lower())
    image = item.array[: item.array.shape[0] // 8 * 8, : item.array.shape[1] // 8 * 8]
    blurred = ndimage.convolve(image, load_arrays(levin)[0][..., None], mode="wrap")
    assert blurred.dtype == np.uint8  # scipy cuts down: the bias of half a level
    state = np.random.get_state()
    try:
        np.random.seed(0)
        theirs = blurred / 255.0 + np.random.normal(0, 7.65 / 255.0, image.shape)
    finally:
        np.random.set_state(state)
    protocol = {"sigma": 7.65, "sensor": "floor_uint8", "stream": "kair", "modcrop": 8}
    posed = pose("deblur", item, kernel=levin, index=0, **protocol)
    np.testing.assert_allclose(posed.y[0].permute(1, 2, 0), theirs, atol=2e-7)


def test_cutting_to_whole_levels_costs_half_a_level_of_bias(levin, items, pose):
    item = items("set5", 1)[0]
    exact, cut = (
        pose("deblur", item, kernel=levin, index=0, sigma=0.0, sensor=sensor).y for sensor in ("float", "floor_uint8")
    )
    error = 255 * (cut - exact).double()
    assert float(error.mean()) == pytest.approx(-0.5, abs=0.01)
    assert float(error.std()) == pytest.approx(12**-0.5, abs=0.01)


def test_the_four_taps_of_ddnm_sum_to_four_fifths_and_shift_by_half_a_pixel():
    taps = ddnm_taps()
    assert len(taps) == 4
    assert taps.sum() == pytest.approx(0.802, abs=1e-3)
    matrix = factors_of(DeblurParams(kernel="ddnm", boundary="zero"), 9)
    # Row i holds taps for pixels i - 2 to i + 1, as their loop writes them, and nothing beyond the border.
    np.testing.assert_array_equal(matrix[4], [0, 0, *taps, 0, 0, 0])
    np.testing.assert_array_equal(matrix[0], [*taps[2:], 0, 0, 0, 0, 0, 0, 0])


def test_zero_boundary_is_ndimage_with_constant_zero(pose, picture):
    image = picture(30, 25)
    posed = pose("deblur", image, boundary="zero", sigma=0.0, size=9, std=2.0)
    taps = gaussian_taps(9, 2.0)
    expected = ndimage.convolve(image / 255, np.outer(taps, taps), mode="constant")
    np.testing.assert_allclose(posed.y[0, 0], expected, atol=2e-7)


def test_valid_measurement_is_smaller_than_the_image_by_the_kernel(pose, picture):
    posed = pose("deblur", picture(40, 50), boundary="valid", size=9)
    assert posed.y.shape[2:] == (32, 42)
    assert posed.truth.shape[2:] == (40, 50)


@pytest.mark.parametrize("seed", range(6))
def test_a_motion_kernel_is_a_connected_path_that_spans_its_frame(seed):
    kernel = motion_kernel(25, seed)
    assert kernel.shape == (25, 25)
    assert kernel.min() == 0
    assert kernel.sum() == pytest.approx(1, abs=1e-9)
    assert ndimage.label(kernel > 0, np.ones((3, 3)))[1] == 1
    rows, columns = np.nonzero(kernel)
    assert max(np.ptp(rows), np.ptp(columns)) >= 22
    assert np.count_nonzero(kernel) < 0.4 * kernel.size


GOLDEN_MOTION = (0.032821827413, 0.025690650783, 0.053080655514)


def test_motion_kernels_are_pinned_and_differ_by_seed():
    first = motion_kernel(25, 0)
    # Golden numbers: numpy freezes the stream, the rest is arithmetic.
    np.testing.assert_allclose([first[12].sum(), first[:, 12].sum(), first.max()], GOLDEN_MOTION, atol=1e-9)
    assert not np.array_equal(first, motion_kernel(25, 1))


def test_a_gaussian_kernel_has_the_standard_deviation_asked_for():
    kernel = kernel_of(DeblurParams(std=1.6))
    t = np.arange(25) - 12
    assert (kernel.sum(0) * t**2).sum() ** 0.5 == pytest.approx(1.6, abs=1e-3)
    assert kernel.sum() == pytest.approx(1, abs=1e-9)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"kernel": "box"}, "kernel must be one of gaussian, motion, ddnm or a file"),
        ({"kernel": "motion", "boundary": "zero"}, "a kernel that separates into rows and columns"),
    ],
)
def test_parameters_that_do_not_go_together_are_refused(values, words):
    with pytest.raises(UsageError, match=words):
        P.build(DeblurParams, values, owner="task 'deblur'")


def test_a_kernel_that_the_file_does_not_hold_is_refused(levin, pose, picture):
    with pytest.raises(UsageError, match="holds kernels 0 to 7, not 8"):
        pose("deblur", picture(40, 40), kernel=levin, index=8)


def test_an_image_smaller_than_a_valid_kernel_is_refused_with_sizes(pose, picture):
    with pytest.raises(UnsuitableImage, match=r"made/up: 20x40 pixels are fewer than the kernel's 25x25"):
        pose("deblur", picture(20, 40), boundary="valid")


def test_pseudo_inverse_undoes_ddnms_noiseless_blur_but_for_what_is_cut(pose, picture, score):
    posed = pose("deblur", picture(64, 64), kernel="ddnm", boundary="zero", sigma=0.0)
    blurred, restored = (posed.view(x) for x in (posed.physics.baseline(posed.y), posed.physics.A_dagger(posed.y)))
    assert score("psnr/255/clip_round", restored) > score("psnr/255/clip_round", blurred) + 10
    assert torch.equal(posed.physics.baseline(posed.y), posed.y)
