"""PSNR of every preset against scikit-image and torch, and what is true of it whatever the images."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.metrics import peak_signal_noise_ratio

from benchhost.errors import MetricUnavailable
from benchhost.metrics.psnr import psnr_1, psnr_255, psnr_gtrange, psnr_volmax, psnr_y_studio
from benchhost.types import View

SHAPES = [(32, 40), (31, 33), (24, 20, 3)]
DECIBEL = 1e-9  # two float64 evaluations of one formula


@pytest.mark.parametrize("shape", SHAPES)
def test_clip_round_agrees_with_scikit_image_on_uint8_images(view, shape):
    v = view(*shape)
    truth, estimate = (np.round(np.clip(255 * x, 0, 255)).astype(np.uint8) for x in (v.truth, v.estimate))
    expected = peak_signal_noise_ratio(truth, estimate, data_range=255)
    assert psnr_255(v, rounded=True) == pytest.approx(expected, abs=DECIBEL)


@pytest.mark.parametrize("shape", SHAPES)
def test_clip_agrees_with_torch(view, shape):
    v = view(*shape)
    error = torch.nn.functional.mse_loss(torch.from_numpy(v.estimate).clamp(0, 1), torch.from_numpy(v.truth))
    assert psnr_255(v, rounded=False) == pytest.approx(-10 * math.log10(error), abs=DECIBEL)


def test_volume_preset_is_scikit_image_with_the_range_of_the_whole_volume(view):
    v = view(3, 32, 32, volume=True)
    scaled = View(estimate=v.estimate * [[[0.2]], [[1.0]], [[0.5]]], truth=v.truth * [[[0.2]], [[1.0]], [[0.5]]])
    expected = peak_signal_noise_ratio(scaled.truth, scaled.estimate, data_range=scaled.truth.max())
    assert psnr_volmax(scaled) == pytest.approx(expected, abs=DECIBEL)
    per_slice = [
        peak_signal_noise_ratio(g, e, data_range=g.max()) for g, e in zip(scaled.truth, scaled.estimate, strict=True)
    ]
    assert abs(psnr_volmax(scaled) - np.mean(per_slice)) > 0.5, "slice-wise ranges are another metric"


def test_volume_preset_takes_the_maximum_that_the_file_states(view):
    v = view(3, 32, 32, volume=True, data_range=2.0)
    assert psnr_volmax(v) == pytest.approx(peak_signal_noise_ratio(v.truth, v.estimate, data_range=2.0), abs=DECIBEL)


def test_ct_presets_use_the_extent_of_the_truth_or_one(pair):
    estimate, truth = pair(32, 32)
    v = View(estimate=estimate * 0.3 + 0.1, truth=truth * 0.3 + 0.1)
    expected = peak_signal_noise_ratio(v.truth, v.estimate, data_range=0.3)
    assert psnr_gtrange(v) == pytest.approx(expected, abs=DECIBEL)
    assert psnr_1(v) - psnr_gtrange(v) == pytest.approx(-20 * math.log10(0.3), abs=DECIBEL)


def test_a_uniform_error_of_one_grey_level_gives_48_13_dB():
    truth = np.full((16, 16), 100 / 255)
    v = View(estimate=truth + 1 / 255, truth=truth)
    assert psnr_255(v, rounded=True) == pytest.approx(20 * math.log10(255), abs=DECIBEL)


def test_equal_images_give_infinity(pair):
    _, truth = pair(16, 16, 3)
    v = View(estimate=truth, truth=truth)
    for value in (psnr_255(v, rounded=True), psnr_y_studio(v, shave=2), psnr_volmax(v), psnr_gtrange(v), psnr_1(v)):
        assert value == math.inf


def test_values_outside_the_range_are_clipped_for_images_but_not_for_volumes(pair):
    _, truth = pair(16, 16)
    truth = np.where(truth > 0.5, 1.0, truth)
    beyond = View(estimate=np.where(truth == 1.0, 1.7, truth), truth=truth)
    assert psnr_255(beyond, rounded=False) == math.inf
    assert psnr_1(beyond) < 20


def test_rounding_costs_about_what_the_theory_says(view):
    # Rounding adds 1/12 to the squared error, in grey levels: at 45 dB (2.06) that is 0.17 dB.
    v = view(256, 256, noise=10 ** (-45 / 20))
    inner = View(estimate=0.5 + (v.estimate - v.truth), truth=np.full_like(v.truth, 128 / 255))
    loss = psnr_255(inner, rounded=False) - psnr_255(inner, rounded=True)
    assert loss == pytest.approx(10 * math.log10(1 + 1 / 12 / (255**2 * 10**-4.5)), abs=0.03)


def test_luma_of_rgb_agrees_with_scikit_image(view):
    from skimage.color import rgb2ycbcr

    v = view(24, 30, 3)
    shaved = [np.floor(rgb2ycbcr(np.clip(x, 0, 1))[3:-3, 3:-3, 0] + 0.5) for x in (v.truth, v.estimate)]
    expected = peak_signal_noise_ratio(*shaved, data_range=255)
    assert psnr_y_studio(v, shave=3) == pytest.approx(expected, abs=1e-6)  # skimage's weights have 3 decimals too


def test_a_grey_image_is_its_own_luma(view):
    v = view(24, 30)
    assert psnr_y_studio(v, shave=2) == pytest.approx(psnr_255(v, rounded=True, shave=2), abs=1e-3)


def test_studio_luma_differs_from_grey_by_the_known_factor(pair):
    # A grey image written as RGB is squeezed into 219 of 255 levels: 20 log10(255/219) = 1.32 dB.
    estimate, truth = pair(64, 64)
    rgb = View(estimate=np.stack([estimate] * 3, -1), truth=np.stack([truth] * 3, -1))
    grey = View(estimate=estimate, truth=truth)
    assert psnr_y_studio(rgb, shave=2) - psnr_y_studio(grey, shave=2) == pytest.approx(1.32, abs=0.03)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), sides=st.tuples(st.integers(8, 20), st.integers(8, 20)))
def test_psnr_is_symmetric_and_blind_to_the_order_of_pixels(seed, sides):
    rng = np.random.RandomState(seed)
    a, b = rng.rand(2, *sides)
    order = rng.permutation(a.size)
    shuffled = View(estimate=a.ravel()[order].reshape(sides), truth=b.ravel()[order].reshape(sides))
    for rounded in (True, False):
        value = psnr_255(View(estimate=a, truth=b), rounded=rounded)
        assert psnr_255(View(estimate=b, truth=a), rounded=rounded) == pytest.approx(value, abs=DECIBEL)
        assert psnr_255(shuffled, rounded=rounded) == pytest.approx(value, abs=DECIBEL)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(1e-3, 1e3))
def test_relative_presets_ignore_the_scale_of_the_data(seed, scale):
    a, b = np.random.RandomState(seed).rand(2, 4, 8, 8)
    one, other = View(estimate=a, truth=b, volume=True), View(estimate=a * scale, truth=b * scale, volume=True)
    for metric in (psnr_volmax, psnr_gtrange):
        assert metric(other) == pytest.approx(metric(one), abs=1e-8)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), factor=st.floats(1.1, 10))
def test_a_larger_error_never_scores_better(seed, factor):
    truth, noise = np.random.RandomState(seed).rand(2, 12, 12)
    small = View(estimate=truth + 0.01 * noise, truth=truth)
    large = View(estimate=truth + 0.01 * factor * noise, truth=truth)
    assert psnr_1(large) == pytest.approx(psnr_1(small) - 20 * math.log10(factor), abs=1e-6)
    assert psnr_255(large, rounded=False) <= psnr_255(small, rounded=False) + DECIBEL


def test_shaving_removes_the_same_border_on_every_side(view):
    v = view(20, 26, 3)
    cut = View(estimate=v.estimate[4:-4, 4:-4], truth=v.truth[4:-4, 4:-4])
    assert psnr_255(v, rounded=True, shave=4) == psnr_255(cut, rounded=True)


def test_what_cannot_be_computed_says_why():
    flat = View(estimate=np.ones((8, 8)), truth=np.zeros((8, 8)))
    with pytest.raises(MetricUnavailable, match="maximum is 0"):
        psnr_volmax(flat)
    with pytest.raises(MetricUnavailable, match="constant"):
        psnr_gtrange(flat)
    with pytest.raises(MetricUnavailable, match="shaving 4 pixels from each border of 8x8"):
        psnr_255(flat, rounded=True, shave=4)
    with pytest.raises(ValueError, match=r"differ in shape: \(8, 8\) and \(8, 9\)"):
        psnr_1(View(estimate=np.ones((8, 8)), truth=np.ones((8, 9))))
