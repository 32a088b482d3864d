"""Rounding, luma and shaving: the steps before the comparison."""

import numpy as np

from benchhost.metrics.compared import LUMA_WEIGHTS, compared, planes, studio_luma, to_8bit, to_8bit_matlab
from benchhost.types import View


def test_exact_halves_go_to_the_even_level_in_numpy_and_up_in_matlab():
    levels = np.array([0.5, 1.5, 2.5, 253.5, 254.5])
    np.testing.assert_array_equal(to_8bit(levels / 255), [0, 2, 2, 254, 254])
    np.testing.assert_array_equal(to_8bit_matlab(levels), [1, 2, 3, 254, 255])


def test_rounding_saturates():
    np.testing.assert_array_equal(to_8bit(np.array([-0.3, 1.2])), [0, 255])
    np.testing.assert_array_equal(to_8bit_matlab(np.array([-3.0, 300.0])), [0, 255])


def test_eight_bit_levels_survive_the_way_through_the_unit_range():
    levels = np.arange(256.0)
    np.testing.assert_array_equal(to_8bit(levels / 255), levels)
    np.testing.assert_array_equal(to_8bit(np.float64(np.float32(levels / 255))), levels)


def test_studio_luma_maps_black_and_white_to_16_and_235():
    np.testing.assert_array_equal(studio_luma(np.zeros((1, 1, 3))), [[16]])
    np.testing.assert_array_equal(studio_luma(np.ones((1, 1, 3))), [[235]])
    assert sum(LUMA_WEIGHTS) == 219


def test_shaving_a_volume_leaves_its_slices():
    volume = np.arange(3 * 8 * 8, dtype=float).reshape(3, 8, 8)
    estimate, truth = compared(View(estimate=volume, truth=volume, volume=True), shave=2)
    assert estimate.shape == truth.shape == (3, 4, 4)


def test_planes_are_channels_of_an_image_and_slices_of_a_volume():
    array = np.zeros((5, 6, 3))
    assert [p.shape for p in planes(array, volume=False)] == [(5, 6)] * 3
    assert [p.shape for p in planes(array, volume=True)] == [(6, 3)] * 5
    assert [p.shape for p in planes(array[..., 0], volume=False)] == [(5, 6)]
