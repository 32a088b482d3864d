"""NMSE, PSNR-B and consistency."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchhost.errors import MetricUnavailable
from benchhost.metrics.consistency import consistency_l2
from benchhost.metrics.nmse import nmse_volume
from benchhost.metrics.psnr import psnr_255
from benchhost.metrics.psnr_b import blocking_effect, psnr_b_255
from benchhost.types import View


def test_nmse_is_fastmri_s_ratio_of_norms_over_the_volume(view):
    v = view(3, 16, 16, volume=True)
    expected = np.linalg.norm(v.truth - v.estimate) ** 2 / np.linalg.norm(v.truth) ** 2  # fastMRI evaluate.py
    assert nmse_volume(v) == pytest.approx(expected, rel=1e-12)


def test_nmse_of_a_volume_is_not_the_mean_over_slices(view):
    v = view(2, 16, 16)
    scale = np.array([0.1, 1.0])[:, None, None]
    v = View(estimate=v.truth * scale + 0.05, truth=v.truth * scale, volume=True)
    slices = [nmse_volume(View(estimate=e, truth=g)) for e, g in zip(v.estimate, v.truth, strict=True)]
    assert np.mean(slices) > 2 * nmse_volume(v)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10**6), scale=st.floats(1e-3, 1e3))
def test_nmse_ignores_scale_and_is_one_for_a_zero_estimate(seed, scale):
    a, b = np.random.RandomState(seed).rand(2, 3, 6, 6)
    assert nmse_volume(View(estimate=scale * a, truth=scale * b)) == pytest.approx(
        nmse_volume(View(estimate=a, truth=b)), rel=1e-9
    )
    assert nmse_volume(View(estimate=0 * a, truth=b)) == 1.0


def psnr_b_from_the_paper(reference: np.ndarray, test: np.ndarray, block: int = 8) -> float:
    """Yim and Bovik 2011, eq. 4-13, pixel by pixel, for sides that are multiples of the block."""
    n_v, n_h = test.shape  # rows, columns
    d_b = d_c = 0.0
    for row in range(n_v):
        for col in range(n_h - 1):
            step = (test[row, col] - test[row, col + 1]) ** 2
            d_b, d_c = (d_b + step, d_c) if (col + 1) % block == 0 else (d_b, d_c + step)
    for row in range(n_v - 1):
        for col in range(n_h):
            step = (test[row, col] - test[row + 1, col]) ** 2
            d_b, d_c = (d_b + step, d_c) if (row + 1) % block == 0 else (d_b, d_c + step)
    n_hb, n_vb = n_v * (n_h / block - 1), n_h * (n_v / block - 1)
    n_hbc, n_vbc = n_v * (n_h - 1) - n_hb, n_h * (n_v - 1) - n_vb
    d_b, d_c = d_b / (n_hb + n_vb), d_c / (n_hbc + n_vbc)
    eta = math.log2(block) / math.log2(min(n_v, n_h)) if d_b > d_c else 0.0
    mse_b = np.mean((reference - test) ** 2) + eta * (d_b - d_c)
    return 10 * math.log10(255**2 / mse_b)


@pytest.mark.parametrize("shape", [(32, 48), (24, 16)])
@pytest.mark.parametrize("steps", [0.0, 0.08])
def test_psnr_b_equals_the_paper(pair, shape, steps):
    estimate, truth = pair(*shape, noise=0.02)
    blocks = np.kron(np.random.RandomState(1).rand(shape[0] // 8, shape[1] // 8), np.ones((8, 8)))
    levels = [np.round(np.clip(255 * x, 0, 255)) for x in (truth, estimate + steps * blocks)]
    ours = psnr_b_255(View(estimate=levels[1] / 255, truth=levels[0] / 255))
    assert ours == pytest.approx(psnr_b_from_the_paper(*levels), abs=1e-9)


def test_psnr_b_charges_steps_on_the_grid_and_only_those(pair):
    _, truth = pair(64, 64)
    truth = 0.25 + 0.5 * truth
    blocks = 0.1 * np.kron(np.random.RandomState(0).rand(8, 8), np.ones((8, 8)))
    on_grid = View(estimate=truth + blocks, truth=truth)
    off_grid = View(estimate=truth + np.roll(blocks, (3, 3), (0, 1)), truth=truth)
    assert psnr_255(on_grid, rounded=True) - psnr_b_255(on_grid) > 0.1
    assert psnr_255(off_grid, rounded=True) == pytest.approx(psnr_b_255(off_grid), abs=1e-9)


def test_sides_that_are_not_multiples_of_the_block_count_the_borders_they_have():
    ramp = np.zeros((8 + 1, 16 + 4))
    ramp[:, 8:] += 10  # a step at the first vertical border
    ramp[:, 16:] += 10  # and at the second
    ramp[8:] += 10  # and at the one horizontal border
    at_borders = 100.0  # every pair across a border steps by 10
    assert blocking_effect(ramp) == pytest.approx(at_borders * math.log2(8) / math.log2(9))


def test_psnr_b_of_a_colour_image_is_the_mean_of_its_channels(view):
    v = view(32, 32, 3)
    channels = [psnr_b_255(View(estimate=v.estimate[..., c], truth=v.truth[..., c])) for c in range(3)]
    assert psnr_b_255(v) == pytest.approx(np.mean(channels), abs=1e-9)


def test_psnr_b_of_a_perfect_smooth_image_is_infinite_and_of_a_perfect_blocky_one_is_not():
    flat = np.full((16, 16), 0.5)
    assert psnr_b_255(View(estimate=flat, truth=flat)) == math.inf
    blocky = np.kron(np.array([[0.0, 1.0], [1.0, 0.0]]), np.ones((8, 8)))
    assert psnr_b_255(View(estimate=blocky, truth=blocky)) < 10


def test_consistency_is_what_the_runner_measured():
    image = np.zeros((4, 4))
    assert consistency_l2(View(estimate=image, truth=image, consistency=0.125)) == 0.125


def test_what_cannot_be_computed_says_why():
    image = np.zeros((8, 8))
    with pytest.raises(MetricUnavailable, match="no operator"):
        consistency_l2(View(estimate=image, truth=image))
    with pytest.raises(MetricUnavailable, match="zero everywhere"):
        nmse_volume(View(estimate=image, truth=image))
    with pytest.raises(MetricUnavailable, match="8x8 has no border between blocks"):
        psnr_b_255(View(estimate=image, truth=image))
