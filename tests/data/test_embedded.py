"""The datasets that need no download: their pixels are pinned, and checked against other ways to the same pixels."""

import hashlib

import numpy as np
import pytest

from benchhost.data.cards import builtin
from benchhost.data.embedded import _mpl_slice
from benchhost.data.reading import read_item
from benchhost.errors import UnsuitableImage, UsageError

# first 16 hex digits of sha256 of the array in C order
GOLDEN = {
    "embedded-grey": {
        "camera": "973c1f05a356373b", "brick": "2f9644acb7814a02", "grass": "91402875390e8f0c",
        "gravel": "1d5464f0ea938b7b", "coins": "23731a66ffa39741", "cell": "31912e41794e2ce3",
    },
    "embedded-colour": {
        "astronaut": "f5e591ca2718aca8", "coffee": "5d76e8f1cdaad425", "chelsea": "52c2a36b0a3137bd",
        "rocket": "fb92f6dbef4a3912",
    },
    "mpl-mri": {"head": "fea765097ee8b257"},
    "embedded-mri": {
        "head": "99e394c8bff46772", "shepp-logan": "bf049bd0b0947e2f", "ellipses-1": "9cb9bac31d090e8a",
        "ellipses-2": "236c22200ca44224",
    },
    "embedded-ct": {
        "shepp-logan": "b77b5d5a41a308a5", "ellipses-1": "97a235e96628a75c", "ellipses-2": "0702ec8b4447182f",
        "ellipses-3": "d3a1fd8770a8c2e9",
    },
}  # fmt: skip


def arrays(name):
    dataset = builtin()[name]
    return {ref.name: read_item(dataset, ref).array for ref in dataset.items}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_pixels_are_the_ones_written_down(name):
    assert {n: hashlib.sha256(a.tobytes()).hexdigest()[:16] for n, a in arrays(name).items()} == GOLDEN[name]


@pytest.mark.parametrize("name", ["skimage-grey", "skimage-colour"])
def test_full_size_images_are_what_scikit_image_itself_gives(name):
    import skimage.data

    for item, array in arrays(name).items():
        np.testing.assert_array_equal(array, getattr(skimage.data, item)())


@pytest.mark.parametrize("colour", ["grey", "colour"])
def test_reduced_images_are_block_means_of_the_full_ones(colour):
    from skimage.measure import block_reduce

    full = arrays(f"skimage-{colour}")
    for item, small in arrays(f"embedded-{colour}").items():
        height, width = full[item].shape[:2]
        side = min(height, width, 512) // 128 * 128
        top, left, block = (height - side) // 2, (width - side) // 2, side // 128
        cut = full[item][top : top + side, left : left + side]
        means = block_reduce(cut, (block, block, *(1,) * (cut.ndim - 2)), np.mean)
        np.testing.assert_allclose(small, means, atol=0.5)  # half a level is the rounding
        assert small.shape[:2] == (128, 128)


def test_magnitude_images_are_float32_with_peak_one():
    for array in [*arrays("embedded-mri").values(), *arrays("mpl-mri").values()]:
        assert array.dtype == np.float32
        assert array.min() >= 0
        assert array.max() == 1.0


def test_the_head_is_the_slice_of_matplotlib():
    import matplotlib.cbook

    with matplotlib.cbook.get_sample_data("s1045.ima.gz") as file:
        raw = np.frombuffer(file.read(), np.uint16).reshape(256, 256)
    np.testing.assert_allclose(arrays("mpl-mri")["head"], raw / raw.max(), rtol=1e-6)


def test_ct_phantoms_are_in_hounsfield_units_with_air_outside():
    for name, array in arrays("embedded-ct").items():
        assert array[0, 0] == -1000, name
        assert array.min() >= -1000, name
        assert 200 < array.max() <= 1000, name


def test_phantoms_differ_by_seed():
    digests = list(GOLDEN["embedded-ct"].values()) + list(GOLDEN["embedded-mri"].values())
    assert len(set(digests)) == len(digests)


def test_a_size_that_does_not_divide_and_an_unknown_phantom_are_refused():
    from dataclasses import replace

    dataset = builtin()["embedded-mri"]
    with pytest.raises(UnsuitableImage, match="does not divide into 100x100 blocks"):
        read_item(replace(dataset, rule={"size": 100}), dataset.items[0])
    with pytest.raises(UsageError, match="Did you mean 'shepp-logan'"):
        read_item(dataset, replace(dataset.items[1], key="shep-logan"))


def test_a_slice_of_another_length_is_refused(tmp_path):
    import gzip

    path = tmp_path / "s.gz"
    path.write_bytes(gzip.compress(b"\0" * 100))
    with pytest.raises(UnsuitableImage, match="s.gz holds 100 bytes, expected 256 x 256 values"):
        _mpl_slice(path)
