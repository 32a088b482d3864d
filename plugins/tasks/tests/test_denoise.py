"""Denoising: the noise of the papers, to the figure."""

import math

import numpy as np
import pytest
import torch


@pytest.mark.parametrize("sigma", [15.0, 25.0, 50.0])
def test_noisy_input_has_the_psnr_that_theory_gives_and_clipping_would_raise_it(sigma, items, published):
    pictures = items("bsd68", 4)
    raw = published("denoise", pictures, ["psnr/1"], sigma=sigma)["psnr/1"]
    # 24.61, 20.17, 14.15 dB; one 481 x 321 image spreads by 0.016 dB.
    assert raw == pytest.approx(-20 * math.log10(sigma / 255), abs=0.05)
    clipped = published("denoise", pictures, ["psnr/1"], sigma=sigma, clip=True)["psnr/1"]
    assert clipped > raw + 0.1


def test_clipped_noise_on_bsd68_has_the_known_psnr(items, published):
    # 20.48 dB over the 68 images; measured with other noise, so that 0.02 dB is what the mean may move.
    found = published("denoise", items("bsd68"), ["psnr/1"], sigma=25.0, clip=True)["psnr/1"]
    assert found == pytest.approx(20.48, abs=0.02)


def test_kair_stream_is_the_array_their_script_draws(pose, picture):
    image = picture(31, 27, 3)
    state = np.random.get_state()
    try:
        np.random.seed(0)
        noisy = image / 255.0 + np.random.normal(0, 25 / 255.0, image.shape)
    finally:
        np.random.set_state(state)
    posed = pose("denoise", image, stream="kair", sigma=25.0)
    np.testing.assert_allclose(posed.y[0].permute(1, 2, 0), noisy, atol=1e-7)


def test_quantised_noise_lies_on_whole_levels_and_clipped_noise_in_range(pose, picture):
    levels = 255 * pose("denoise", picture(30, 30), sigma=50.0, quantise=True).y.double()
    np.testing.assert_allclose(levels, levels.round(), atol=1e-5)
    clipped = pose("denoise", picture(30, 30), sigma=50.0, clip=True).y
    assert 0 <= float(clipped.min()) <= float(clipped.max()) <= 1
    assert float(pose("denoise", picture(30, 30), sigma=50.0).y.max()) > 1


def test_noise_level_zero_measures_the_image_itself(pose, picture):
    posed = pose("denoise", picture(20, 20), sigma=0.0)
    assert torch.equal(posed.y, posed.truth)
    assert posed.sigma == 0
