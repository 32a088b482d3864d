"""Readers: what they give, and what they refuse instead of converting in silence."""

import hashlib
import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from benchhost.data import readers
from benchhost.data.cards import builtin
from benchhost.data.reading import read_item
from benchhost.errors import ChecksumMismatch, UnsuitableImage, UsageError
from benchhost.types import ItemRef

GREY = np.arange(48, dtype=np.uint8).reshape(6, 8)
RGB = np.stack([GREY, GREY + 50, GREY + 100], axis=2)


@pytest.fixture
def save(tmp_path):
    """``save(picture, name)``: write an array or a Pillow image, and give what a reader is called with."""

    def save(picture, name="a.png", **options):
        picture = Image.fromarray(picture) if isinstance(picture, np.ndarray) else picture
        picture.save(tmp_path / name, **options)
        return tmp_path / name, ItemRef(name="a", file=name, sha256="")

    return save


@pytest.mark.parametrize("name", ["a.png", "a.bmp", "a.tif"])
def test_lossless_files_give_their_pixels(save, name):
    np.testing.assert_array_equal(readers.image(*save(GREY, name), {"mode": "L"}), GREY)
    np.testing.assert_array_equal(readers.image(*save(RGB, name), {"mode": "RGB"}), RGB)


def test_a_grey_file_among_colour_ones_stays_two_dimensional(save):
    assert readers.image(*save(GREY), {"mode": "keep"}).shape == (6, 8)
    assert readers.image(*save(RGB), {}).shape == (6, 8, 3)


def test_a_grey_palette_is_looked_up(save):
    picture = Image.fromarray(GREY).convert("P")
    picture.putpalette([v for level in reversed(range(256)) for v in (level, level, level)])
    np.testing.assert_array_equal(readers.image(*save(picture), {"mode": "L"}), 255 - GREY)


def as_mode(mode):
    return Image.fromarray(RGB).convert(mode)


@pytest.mark.parametrize(
    ("picture", "name", "words"),
    [
        (Image.fromarray(GREY.astype(np.uint16) * 256), "a.png", "a.png has 16 bits a channel (mode I;16"),
        (Image.fromarray(GREY.astype(np.float32)), "a.tif", "a.tif has floating point (mode F)"),
        (Image.fromarray(GREY.astype(np.int32)), "a.tif", "a.tif has 32-bit integers (mode I)"),
        (as_mode("RGBA"), "a.png", "a.png has an alpha channel (mode RGBA)"),
        (as_mode("LA"), "a.png", "a.png has an alpha channel (mode LA)"),
        (as_mode("CMYK"), "a.jpg", "a.jpg has CMYK inks (mode CMYK)"),
        (as_mode("1"), "a.png", "a.png has one bit a pixel (mode 1)"),
        (as_mode("P"), "a.png", "a.png has a coloured palette"),
    ],
)
def test_what_is_not_8_bit_grey_or_colour_is_refused_with_what_it_is(save, picture, name, words):
    with pytest.raises(UnsuitableImage, match=re.escape(words) + ".*; ?convert it to 8-bit"):
        readers.image(*save(picture, name), {})


def test_a_transparent_colour_is_refused(save):
    with pytest.raises(UnsuitableImage, match="a transparent colour"):
        readers.image(*save(Image.fromarray(RGB), transparency=(0, 50, 100)), {})


def test_several_images_in_one_file_are_refused(save):
    pages = [Image.fromarray(GREY), Image.fromarray(GREY)]
    with pytest.raises(UnsuitableImage, match="a.tif holds 2 images"):
        readers.image(*save(pages[0], "a.tif", save_all=True, append_images=pages[1:]), {})


def test_a_colour_file_in_a_grey_dataset_is_refused_with_the_way_out(save):
    with pytest.raises(UnsuitableImage, match=r'is colour, the dataset reads grey images.*mode = "rgb2gray"'):
        readers.image(*save(RGB), {"mode": "L"})
    with pytest.raises(UnsuitableImage, match="is grey, the dataset reads colour images$"):
        readers.image(*save(GREY), {"mode": "RGB"})


def test_an_unknown_mode_is_refused_with_the_nearest(save):
    with pytest.raises(UsageError, match="No mode 'RBG' in the rule of reader 'image'. Did you mean 'RGB'"):
        readers.image(*save(RGB), {"mode": "RBG"})


def test_damaged_and_foreign_files_are_refused(save, tmp_path):
    path, ref = save(np.random.RandomState(0).randint(0, 256, (64, 64)).astype(np.uint8))
    path.write_bytes(path.read_bytes()[:2000])
    with pytest.raises(UnsuitableImage, match="a.png is damaged: .*truncated"):
        readers.image(path, ref, {})
    path.write_bytes(b"no picture")
    with pytest.raises(UnsuitableImage, match="a.png is no image file that Pillow knows"):
        readers.image(path, ref, {})


def test_a_decompression_bomb_is_refused_before_it_is_decoded(save, monkeypatch):
    path, ref = save(GREY)
    with pytest.raises(UnsuitableImage, match="a.png is 6x8 pixels, more than the 40 allowed"):
        readers.image(path, ref, {"max_pixels": 40})
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 20)  # Pillow itself gives up above twice that
    with pytest.raises(UnsuitableImage, match="a.png is too large to decode"):
        readers.image(path, ref, {})


def test_a_large_image_below_the_limit_is_read_without_a_warning(save, monkeypatch, recwarn):
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 40)
    assert readers.image(*save(GREY), {}).shape == (6, 8)
    assert [w for w in recwarn if w.category is Image.DecompressionBombWarning] == []


def test_pixels_that_a_decoder_gives_otherwise_are_caught(save):
    path, _ = save(RGB, "a.jpg")
    right = hashlib.sha256(np.asarray(Image.open(path)).tobytes()).hexdigest()
    readers.image(path, ItemRef(name="a", file="a.jpg", sha256="", pixel_sha256=right), {"crop": [2, 2]})
    with pytest.raises(ChecksumMismatch, match=r"a.jpg is the right file, but Pillow .* decodes it to other pixels"):
        readers.image(path, ItemRef(name="a", file="a.jpg", sha256="", pixel_sha256="0" * 64), {})


@pytest.mark.parametrize(
    ("shape", "size", "top", "left"), [((6, 8), (3, 3), 1, 2), ((7, 8), (4, 8), 1, 0), ((5, 5), (5, 5), 0, 0)]
)
def test_the_centre_crop_rounds_its_offsets_down(shape, size, top, left):
    image = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(readers.centre_crop(image, *size), image[top : top + size[0], left : left + size[1]])


def test_a_crop_larger_than_the_image_is_refused(save):
    with pytest.raises(UnsuitableImage, match="an image of 6x8 pixels cannot be cropped to 7x7"):
        readers.image(*save(GREY), {"crop": [7, 7]})


@settings(max_examples=25, deadline=None)
@given(st.integers(1, 5), st.integers(1, 4), st.integers(0, 9), st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_reduction_is_the_block_mean_rounded_half_up(side, block, extra_h, extra_w, seed):
    height, width = side * block + extra_h, side * block + extra_w
    image = np.random.RandomState(seed).randint(0, 256, (height, width)).astype(np.uint8)
    small = readers.reduced(image, side, side * block)
    top, left = (height - side * block) // 2, (width - side * block) // 2
    for i in range(side):
        for j in range(side):
            piece = image[top + i * block : top + (i + 1) * block, left + j * block : left + (j + 1) * block]
            assert small[i, j] == int(np.floor(piece.astype(float).mean() + 0.5))


def test_reduction_takes_the_largest_square_that_divides():
    assert readers.reduced(np.zeros((303, 384), np.uint8), 128, 512).shape == (128, 128)
    image = np.zeros((300, 451), np.uint8)
    image[22:278, 97:353] = 100  # the centred 256 x 256
    assert (readers.reduced(image, 128, 512) == 100).all()
    with pytest.raises(UnsuitableImage, match="an image of 100x200 pixels is smaller than 128x128"):
        readers.reduced(np.zeros((100, 200), np.uint8), 128, 512)


def test_scale_gives_float32(save):
    values = readers.image(*save(GREY), {"mode": "L", "scale": 255})
    assert values.dtype == np.float32
    np.testing.assert_array_equal(values, GREY.astype(np.float32) / np.float32(255))


@pytest.fixture
def arrays(tmp_path):
    volume = (np.arange(24).reshape(2, 3, 4) - 5).astype(np.int16)
    np.savez(tmp_path / "v.npz", hu=volume, flat=volume[0], words=np.array(["a"]))
    np.save(tmp_path / "v.npy", volume)

    def read(file, key, rule=None):
        return readers.array(tmp_path / file, ItemRef(name="x", file=file, sha256="", key=key), rule or {})

    return read, volume


def test_an_array_or_a_slice_of_one_is_read_as_float32(arrays):
    read, volume = arrays
    for file, key, expected in (
        ("v.npz", "flat", volume[0]),
        ("v.npz", "hu[1]", volume[1]),
        ("v.npy", "[1]", volume[1]),
    ):
        got = read(file, key)
        assert got.dtype == np.float32
        np.testing.assert_array_equal(got, expected)


def test_array_values_are_clipped_then_scaled(arrays):
    read, volume = arrays
    got = read("v.npz", "flat", {"clip": [0, 4], "scale": 4})
    np.testing.assert_array_equal(got, np.clip(volume[0], 0, 4) / np.float32(4))


def test_an_array_that_is_not_there_is_refused_with_the_nearest(arrays):
    read, _ = arrays
    with pytest.raises(UsageError, match=r"No array 'flt' in v.npz. Did you mean 'flat'"):
        read("v.npz", "flt")
    with pytest.raises(UsageError, match="v.npz has slices 0 to 1, not 2"):
        read("v.npz", "hu[2]")
    with pytest.raises(UnsuitableImage, match="which is no number"):
        read("v.npz", "words")


def test_pickled_objects_are_not_loaded(arrays, tmp_path):
    read, _ = arrays
    np.save(tmp_path / "evil.npy", np.array([{"a": 1}], dtype=object))
    with pytest.raises(UnsuitableImage, match="evil.npy is not a readable"):
        read("evil.npy", "[0]")
    (tmp_path / "evil.npy").write_bytes(b"")
    with pytest.raises(UnsuitableImage, match="evil.npy is not a readable"):
        read("evil.npy", "[0]")


@pytest.mark.parametrize(
    ("kind", "array", "words"),
    [
        ("image", np.zeros((4, 4), np.float32), "kind 'image' gives uint8"),
        ("image", np.zeros((4, 4, 4), np.uint8), "the reader gave uint8 (4, 4, 4)"),
        ("image", np.zeros((0, 4), np.uint8), "the image is empty"),
        ("mri", np.zeros((4, 4), np.float64), "kind 'mri' gives float32 or complex64"),
        ("ct", np.array([[1, np.nan]], np.float32), "1 of 2 values are NaN or infinite"),
        ("mri", np.array([[1, np.inf]], np.complex64), "1 of 2 values are NaN or infinite"),
        ("kspace", np.zeros((2, 4, 4), np.complex64), "(slices, coils, H, W)"),
    ],
)
def test_what_a_reader_gives_is_held_against_the_kind(kind, array, words, monkeypatch):
    from dataclasses import replace

    dataset = replace(builtin()["embedded-ct"], kind=kind, reader="benchhost.data.embedded:ct")
    monkeypatch.setattr("benchhost.data.embedded.ct", lambda path, ref, rule: array)
    with pytest.raises(UnsuitableImage) as error:
        read_item(dataset, dataset.items[0])
    assert words in str(error.value)
    assert str(error.value).startswith("embedded-ct: shepp-logan: ")


def test_what_a_reader_says_besides_becomes_the_items_meta(monkeypatch):
    dataset = builtin()["embedded-ct"]
    array = np.zeros((4, 4), np.float32)
    monkeypatch.setattr("benchhost.data.embedded.ct", lambda path, ref, rule: (array, {"max": 3.0}))
    item = read_item(dataset, dataset.items[0])
    assert item.meta == {"max": 3.0}
    assert (item.dataset, item.name, item.kind) == ("embedded-ct", "shepp-logan", "ct")


@pytest.mark.parametrize(
    "name", ["set11", "set14", "set5", "classic5", "brain_mri", "ct_slices", "mri_t1_studyforrest"]
)
def test_the_standard_sets_read_as_their_cards_promise(shared_data, monkeypatch, name):
    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))
    from benchhost.data.places import present

    dataset = builtin()[name]
    refs = [ref for ref in dataset.items if present(dataset, ref)][:14]
    assert refs
    shapes = {ref.name: read_item(dataset, ref).array.shape for ref in refs}
    if name == "set14":
        assert {n for n, shape in shapes.items() if len(shape) == 2} == {"bridge"}
    elif name == "set11":
        assert {n for n, shape in shapes.items() if shape != (256, 256)} == {"fingerprint", "flinstones"}


def test_grey_berkeley_files_are_matlabs_grey_of_the_colour_ones(shared_data, monkeypatch):
    from dataclasses import replace

    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))
    grey, colour = builtin()["bsd68"], replace(builtin()["cbsd68"], rule={"mode": "rgb2gray"})
    assert len(grey.items) == len(colour.items) == 68
    for one, two in zip(grey.items, colour.items, strict=True):
        np.testing.assert_array_equal(read_item(grey, one).array, read_item(colour, two).array)


def test_ct_values_outside_the_scan_circle_are_air(shared_data, monkeypatch):
    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))
    dataset = builtin()["ct_slices"]
    values = {ref.name: read_item(dataset, ref).array for ref in dataset.items}
    assert min(v.min() for v in values.values()) == -1024
    assert values["thorax_128"].shape == (128, 128)
    assert values["head"].max() == 1468


def test_the_brain_slices_for_training_peak_at_one_over_the_volume(shared_data, monkeypatch):
    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))
    dataset = builtin()["mri_t1_studyforrest"]
    peaks = [float(read_item(dataset, ref).array.max()) for ref in dataset.items[::4]]
    assert max(peaks) <= 1.0
    assert len(dataset.items) == 81
    whole = np.load(shared_data / "mri_t1_studyforrest" / "t1_axial_i16.npz")["image"]
    assert dataset.rule["scale"] == whole.max()
