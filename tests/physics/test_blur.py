"""Blur against scipy, and what its boundaries mean."""

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

from benchhost.physics.blur import CircularBlur, ValidBlur


def image(*shape, seed=0):
    return np.random.RandomState(seed).rand(*shape)


@pytest.mark.parametrize("taps", [(3, 3), (5, 9), (4, 6), (1, 2), (13, 11)])
@pytest.mark.parametrize("shape", [(16, 15), (9, 12)])
def test_circular_blur_is_ndimage_convolve_with_wrap(taps, shape):
    kernel, x = image(*taps, seed=1), image(*shape)
    ours = CircularBlur((1, *shape), kernel, dtype=torch.float64).A(torch.from_numpy(x)[None, None])[0, 0]
    np.testing.assert_allclose(ours, ndimage.convolve(x, kernel, mode="wrap"), atol=1e-12)


@pytest.mark.parametrize("taps", [(3, 3), (5, 9), (4, 6), (1, 2)])
def test_valid_blur_is_scipy_convolve2d_valid(taps):
    kernel, x = image(*taps, seed=1), image(16, 15)
    ours = ValidBlur((1, 16, 15), kernel, dtype=torch.float64).A(torch.from_numpy(x)[None, None])[0, 0]
    np.testing.assert_allclose(ours, signal.convolve2d(x, kernel, "valid"), atol=1e-12)


def test_channels_are_blurred_one_by_one():
    kernel, x = image(3, 3, seed=1), torch.from_numpy(image(1, 3, 8, 9))
    for A in (CircularBlur((3, 8, 9), kernel, dtype=torch.float64), ValidBlur((3, 8, 9), kernel, dtype=torch.float64)):
        swapped = A.A(x.flip(1)).flip(1)
        torch.testing.assert_close(swapped, A.A(x))


def test_norm_of_a_kernel_of_sum_one_is_one():
    kernel = image(7, 7)
    assert CircularBlur((1, 20, 20), kernel / kernel.sum()).norm == pytest.approx(1, abs=1e-12)
    assert ValidBlur((1, 20, 20), kernel / kernel.sum()).norm < 1


def test_baseline_of_valid_blur_lies_over_the_image_and_repeats_its_border():
    x = torch.arange(20.0).expand(1, 1, 20, 20)
    kernel = np.zeros((5, 4))
    kernel[2, 2] = 1  # the centre tap, k // 2: the blur is a crop, and the baseline must put it back in place
    A = ValidBlur((1, 20, 20), kernel)
    back = A.baseline(A.A(x))
    torch.testing.assert_close(back[..., 2:-2, 2:-2], x[..., 2:-2, 2:-2])
    assert back[0, 0, 5, 0] == back[0, 0, 5, 1]


def test_pseudo_inverse_restores_noiseless_data_of_a_mild_blur():
    kernel = np.outer([1, 6, 1], [1, 6, 1]) / 64  # min |H| = 1/4: nothing is cut
    A = CircularBlur((1, 16, 16), kernel, dtype=torch.float64)
    x = torch.from_numpy(image(2, 1, 16, 16))
    torch.testing.assert_close(A.A_dagger(A.A(x)), x)


def test_pseudo_inverse_never_raises_noise_by_more_than_one_over_rcond():
    wide = np.outer(*[np.exp(-0.5 * (np.arange(-8, 9) / 3) ** 2)] * 2)
    A = CircularBlur((1, 32, 32), wide / wide.sum(), rcond=1e-2)
    y = torch.randn(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    assert float(A.A_dagger(y).norm()) <= 100 * float(y.norm())


@pytest.mark.parametrize("kernel", [np.zeros((3, 3)), np.ones(3), np.full((2, 2), np.nan)])
def test_what_is_no_kernel_is_refused(kernel):
    with pytest.raises(ValueError, match="a kernel is"):
        CircularBlur((1, 8, 8), kernel)


def test_valid_blur_refuses_a_kernel_larger_than_the_image():
    with pytest.raises(ValueError, match="9x3 is larger than 8x8"):
        ValidBlur((1, 8, 8), np.ones((9, 3)))
