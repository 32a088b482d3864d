"""Sampling masks: fastMRI's, bit for bit, and the generated two-dimensional ones."""

import json

import numpy as np
import pytest

from benchhost.errors import UsageError
from benchhost.physics.masks import (
    FASTMRI_MASKS,
    fastmri_mask,
    filename_seed,
    mirror,
    radial_mask,
    variable_density_mask,
)

SEED = filename_seed("file1000000.h5")


def test_all_75_reference_masks_are_reproduced(shared_data):
    vectors = json.loads((shared_data / "operators" / "fastmri_mask_vectors.json").read_text())
    assert len(vectors) == 75
    for v in vectors:
        mask = fastmri_mask(
            v["type"],
            v["width"],
            filename_seed(v["fname"]),
            accelerations=v["accelerations"],
            center_fractions=v["center_fractions"],
        )
        assert np.flatnonzero(mask).tolist() == v["columns"], (v["fname"], v["type"], v["accelerations"])


@pytest.mark.parametrize(
    ("kind", "acceleration", "fraction", "lines", "first"),
    [  # published facts of the first training volume, so that the rule is pinned without any data folder
        ("random", 4, 0.08, 88, [4, 9, 10, 14, 23, 24]),
        ("random", 8, 0.04, 46, [14, 28, 29, 35, 51, 75]),
        ("equispaced_fraction", 4, 0.08, 93, [1, 6, 12, 17, 23, 28]),
        ("equispaced_fraction", 8, 0.04, 45, [9, 20, 32, 43, 55, 66]),
    ],
)
def test_masks_of_the_first_volume(kind, acceleration, fraction, lines, first):
    mask = fastmri_mask(kind, 368, SEED, accelerations=(acceleration,), center_fractions=(fraction,))
    assert mask.sum() == lines
    assert np.flatnonzero(mask)[:6].tolist() == first


@pytest.mark.parametrize("kind", FASTMRI_MASKS)
def test_the_centre_is_always_sampled(kind):
    for width in (128, 213):
        low = round(width * 0.08)
        start = (width - low + 1) // 2
        mask = fastmri_mask(kind, width, SEED)
        assert mask.shape == (width,)
        assert mask[start : start + low].all()


def test_a_pair_drawn_from_two_is_another_mask_than_the_pair_alone():
    alone = fastmri_mask("random", 320, (1, 2), accelerations=(4,), center_fractions=(0.08,))
    twins = fastmri_mask("random", 320, (1, 2), accelerations=(4, 4), center_fractions=(0.08, 0.08))
    assert (alone != twins).any()


def test_masks_leave_numpys_global_generator_alone():
    before = np.random.get_state()[1].copy()
    fastmri_mask("random", 320, SEED)
    np.testing.assert_array_equal(np.random.get_state()[1], before)


def test_bad_requests_are_refused_in_words():
    with pytest.raises(UsageError, match="Did you mean 'equispaced'"):
        fastmri_mask("equispace", 320, SEED)
    with pytest.raises(ValueError, match="1 accelerations but 2 center fractions"):
        fastmri_mask("random", 320, SEED, center_fractions=(0.1, 0.2))
    with pytest.raises(ValueError, match="0 central lines"):
        fastmri_mask("random", 4, SEED)
    with pytest.raises(ValueError, match="already exceed acceleration 4"):
        fastmri_mask("equispaced_fraction", 100, SEED, center_fractions=(0.4,))
    with pytest.raises(ValueError, match="ratio must lie"):
        radial_mask(16, 16, 1.5)


@pytest.mark.parametrize("ratio", [0.1, 0.3, 0.5])
@pytest.mark.parametrize("size", [(64, 64), (33, 48)])
def test_generated_masks_are_point_symmetric_and_have_the_ratio(size, ratio):
    radial = radial_mask(*size, ratio)
    assert ratio <= radial.mean() <= ratio + 0.06  # one more line
    variable = variable_density_mask(*size, ratio, np.random.RandomState(0))
    assert abs(variable.sum() - ratio * variable.size) <= 2
    for mask in (radial, variable):
        np.testing.assert_array_equal(mask, mirror(mask))
        assert mask[0, 0]


def test_variable_density_falls_from_the_centre():
    mask = np.fft.fftshift(variable_density_mask(128, 128, 0.2, np.random.RandomState(1)))
    assert mask[56:72, 56:72].mean() > 0.9
    assert 0 < mask[:16].mean() < 0.05


def test_mirror_takes_each_frequency_to_its_negative():
    for n in (4, 5):
        frequency = np.fft.fftfreq(n, 1 / n)[None, :]
        flipped = mirror(np.broadcast_to(frequency, (n, n)))
        np.testing.assert_array_equal(flipped[0] % n, -frequency[0] % n)
