"""What the synthetic objects promise."""

import hashlib
import subprocess
import sys

import numpy as np
import pytest

from benchhost.data.phantoms import SHEPP_LOGAN, draw, phantom
from benchhost.errors import UsageError

KINDS = ("shepp-logan", "ellipses-mri", "ellipses-ct", "disk")


@pytest.mark.parametrize("kind", KINDS)
def test_a_phantom_is_float32_in_the_unit_range_on_a_12_bit_grid(kind):
    image = phantom(kind, 48, 3)
    assert image.dtype == np.float32
    assert image.shape == (48, 48)
    assert image.min() >= 0
    assert image.max() <= 1
    np.testing.assert_array_equal(image * 4096, np.round(image * 4096))


@pytest.mark.parametrize("kind", ["ellipses-mri", "ellipses-ct"])
def test_the_seed_decides_the_ellipses(kind):
    np.testing.assert_array_equal(phantom(kind, 32, 5), phantom(kind, 32, 5))
    assert np.abs(phantom(kind, 32, 5) - phantom(kind, 32, 6)).max() > 0.05


def test_the_bytes_of_the_phantoms_never_change():
    digests = {kind: hashlib.sha256(phantom(kind, 64, 1).tobytes()).hexdigest()[:16] for kind in KINDS}
    assert digests == {
        "shepp-logan": "486d2d44893a2f4e",
        "ellipses-mri": "10512147b0b48434",
        "ellipses-ct": "f2946b4d641809ee",
        "disk": "4341b55cf466c4fa",
    }


def test_shepp_logan_agrees_with_the_picture_that_skimage_ships():
    from skimage.data import shepp_logan_phantom

    ours = phantom("shepp-logan", 400)
    theirs = shepp_logan_phantom()
    # the same ellipses drawn by others: equal but for the pixels on edges
    assert np.mean(np.abs(ours - theirs) > 0.02) < 0.02


def test_the_area_of_a_disk_is_pi_r_squared():
    drawn = draw([(1.0, 0.5, 0.5, 0.1, -0.2, 0.0)], 64, subsamples=16).mean() * 4
    assert drawn == pytest.approx(np.pi * 0.25, rel=1e-4)  # 1024^2 points


def test_rotation_is_anticlockwise_and_row_0_is_on_top():
    image = draw([(1.0, 0.8, 0.1, 0.0, 0.0, 45.0)], 32)
    assert image[4, 27] == 0
    assert image[8, 23] == 1  # upper right
    assert image[8, 8] == 0  # upper left
    assert len(SHEPP_LOGAN) == 10


def test_an_unknown_phantom_names_the_nearest_one():
    with pytest.raises(UsageError, match="Did you mean 'shepp-logan'"):
        phantom("shepp_logan", 64)
    with pytest.raises(ValueError, match="at least 8"):
        phantom("disk", 4)


def test_phantoms_do_not_import_torch():
    code = "import sys, benchhost.data.phantoms; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
