"""The bicubic matrices against a sum written from the definition, other libraries, and published LR facts."""

import math

import numpy as np
import pytest

from benchhost.physics.bicubic import bicubic_matrix, resize, round_to_uint8


def keys(x):
    x = abs(x)
    if x <= 1:
        return 1.5 * x**3 - 2.5 * x**2 + 1
    return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0


def one_weight_at_a_time(n_in, n_out, mirror):
    """The resize of MATLAB's documentation, pixel by pixel, with 1-based coordinates."""
    scale = n_out / n_in
    stretch = min(1.0, scale)
    matrix = np.zeros((n_out, n_in))
    for k in range(1, n_out + 1):
        u = k / scale + 0.5 * (1 - 1 / scale)
        reach = 2 / stretch
        weights = {i: keys(stretch * (u - i)) for i in range(math.floor(u - reach), math.ceil(u + reach) + 1)}
        total = sum(weights.values())
        for i, weight in weights.items():
            while mirror and not 1 <= i <= n_in:
                i = 1 - i if i < 1 else 2 * n_in + 1 - i
            matrix[k - 1, min(max(i, 1), n_in) - 1] += weight / total
    return matrix


@pytest.mark.parametrize(("n_in", "n_out"), [(24, 12), (24, 8), (24, 6), (24, 3), (8, 24), (7, 21), (10, 10), (4, 1)])
@pytest.mark.parametrize("boundary", ["symmetric", "replicate"])
def test_matrix_equals_the_definition(n_in, n_out, boundary):
    expected = one_weight_at_a_time(n_in, n_out, boundary == "symmetric")
    np.testing.assert_allclose(bicubic_matrix(n_in, n_out, boundary), expected, atol=1e-14)


@pytest.mark.parametrize("boundary", ["symmetric", "replicate"])
def test_a_constant_stays_constant_and_a_ramp_a_ramp_away_from_the_border(boundary):
    matrix = bicubic_matrix(64, 16, boundary)
    np.testing.assert_allclose(matrix.sum(1), 1, atol=1e-14)
    # The antialiased cubic keeps straight lines: output k sits at 4 k + 1.5.
    np.testing.assert_allclose((matrix @ np.arange(64.0))[2:-2], 4 * np.arange(16)[2:-2] + 1.5, atol=1e-12)


def test_upsampling_agrees_with_pillow_to_its_8_bit_weights():
    from PIL import Image

    image = np.random.RandomState(0).rand(12, 9).astype(np.float32)
    theirs = np.asarray(Image.fromarray(image).resize((27, 36), Image.Resampling.BICUBIC))
    # Away from the border, where Pillow drops taps and renormalises instead of mirroring.
    np.testing.assert_allclose(resize(image, (36, 27))[6:-6, 6:-6], theirs[6:-6, 6:-6], atol=2e-6)


@pytest.mark.parametrize(("scale", "expected"), [(2, 0.5), (3, 1 / 3), (4, 0.25), (8, 0.125)])
def test_norm_is_one_over_scale_and_condition_number_about_two(scale, expected):
    s = np.linalg.svd(bicubic_matrix(24 * scale, 24), compute_uv=False)
    assert s[0] ** 2 == pytest.approx(expected, rel=1e-3)
    # Measured on these matrices for every scale: 2.05 to 2.11 in two dimensions.
    assert 2.0 < (s[0] / s[-1]) ** 2 < 2.15


def test_rounding_between_passes_gives_whole_levels_within_two_of_the_float_resize():
    image = np.random.RandomState(0).randint(0, 256, (24, 36)).astype(np.uint8)
    rounded = resize(image, (8, 12), round_passes=True)
    assert np.array_equal(rounded, np.round(rounded))
    assert np.abs(rounded - np.clip(resize(image, (8, 12)), 0, 255)).max() <= 2
    assert not np.array_equal(rounded, round_to_uint8(resize(image, (8, 12))))


def test_colour_images_are_resized_channel_by_channel():
    image = np.random.RandomState(0).rand(12, 8, 3)
    np.testing.assert_allclose(resize(image, (3, 2))[..., 1], resize(image[..., 1], (3, 2)), atol=1e-14)
