"""Finding test pictures in a folder: copies, re-encodings, turned and mirrored ones, crops; and no false alarm."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from benchhost.data.cards import builtin
from benchhost.data.cropsearch import find_crop
from benchhost.data.lookalikes import Picture, absent, alike, scan
from benchhost.data.reading import read_item
from benchhost.errors import DatasetMissing, UsageError


def picture(dataset, name):
    d = builtin()[dataset]
    return read_item(d, next(ref for ref in d.items if ref.name == name)).array


def resized(array, height, width):
    return np.asarray(Image.fromarray(array).resize((width, height), Image.Resampling.LANCZOS))


def found(folder, *names, **options):
    return [(m.file.name, m.how, m.dataset, m.item) for m in scan(folder, [builtin()[n] for n in names], **options)]


def test_the_same_file_is_found_by_its_checksum_even_when_the_set_is_not_here(tmp_path, make_card, encode):
    data = encode(np.arange(64, dtype=np.uint8).reshape(8, 8))
    (tmp_path / "train").mkdir()
    (tmp_path / "train" / "x.png").write_bytes(data)
    dataset = make_card({"a.png": data})
    assert absent([dataset]) == {"mine": 1}
    (match,) = scan(tmp_path / "train", [dataset])
    assert (match.how, match.item, match.score) == ("same file", "a", 1.0)


def test_the_same_pixels_in_another_format_are_found_without_the_set(tmp_path, monkeypatch):
    camera = picture("skimage-grey", "camera")
    (tmp_path / "t").mkdir()
    Image.fromarray(camera).save(tmp_path / "t" / "x.bmp")
    monkeypatch.setattr("benchhost.data.lookalikes.present", lambda dataset, ref: None)
    assert found(tmp_path / "t", "skimage-grey") == [("x.bmp", "same pixels", "skimage-grey", "camera")]


@pytest.mark.parametrize(
    ("change", "detail"),
    [
        (lambda a: resized(a, 300, 300), ""),
        (lambda a: np.clip(a.astype(float) * 0.7 + 20, 0, 255).astype(np.uint8), ""),
        (lambda a: np.rot90(a), "rotated 90"),
        (lambda a: a[:, ::-1], "mirrored"),
        (lambda a: 255 - a, None),
    ],
    ids=["smaller", "darker", "rotated", "mirrored", "negative"],
)
def test_the_whole_picture_is_found_smaller_darker_turned_and_mirrored(change, detail):
    camera = picture("skimage-grey", "camera")
    result = alike(Picture(change(camera)), Picture(camera))
    if detail is None:
        assert result is None  # a negative is another picture
    else:
        assert result[0] > 0.98
        assert detail in result[1]


def test_a_colour_picture_is_found_as_its_grey_copy(tmp_path):
    astronaut = picture("skimage-colour", "astronaut")
    (tmp_path / "t").mkdir()
    Image.fromarray(astronaut).convert("L").save(tmp_path / "t" / "x.jpg", quality=60)
    assert found(tmp_path / "t", "skimage-colour", crops=False) == [
        ("x.jpg", "same picture", "skimage-colour", "astronaut")
    ]


@pytest.mark.parametrize(("top", "left", "side", "to"), [(60, 120, 256, 256), (100, 30, 300, 216), (20, 200, 200, 320)])
def test_a_crop_is_found_at_its_place_whatever_its_scale(top, left, side, to):
    astronaut = picture("skimage-colour", "astronaut").astype(np.float32).mean(axis=2)
    crop = resized(astronaut[top : top + side, left : left + side], to, to)
    place = find_crop(crop, astronaut)
    assert place.score > 0.95
    # to two pixels of the second search, whose picture is 192 pixels wide for 512
    assert max(abs(place.top - top), abs(place.left - left)) <= 6
    assert max(abs(place.height - side), abs(place.width - side)) <= 8


def test_a_stretched_and_re_encoded_crop_is_found(tmp_path):
    rocket = picture("skimage-colour", "rocket")
    (tmp_path / "t").mkdir()
    Image.fromarray(rocket[40:340, 150:550]).resize((440, 300)).save(tmp_path / "t" / "x.jpg", quality=50)
    assert found(tmp_path / "t", "skimage-colour") == [("x.jpg", "crop", "skimage-colour", "rocket")]


def test_a_picture_inside_a_larger_file_is_found_the_other_way_round(tmp_path):
    coffee, astronaut = picture("skimage-colour", "coffee"), picture("skimage-colour", "astronaut")
    page = np.zeros((600, 1000, 3), np.uint8)
    page[50:450, 20:620] = coffee
    page[80:580, 640:] = resized(astronaut[:, :], 500, 360)
    (tmp_path / "t").mkdir()
    Image.fromarray(page).save(tmp_path / "t" / "page.png")
    assert ("page.png", "crop", "skimage-colour", "coffee") in found(tmp_path / "t", "skimage-colour")


def test_different_pictures_raise_no_alarm(tmp_path):
    (tmp_path / "t").mkdir()
    for name in ("coffee", "chelsea"):
        Image.fromarray(picture("skimage-colour", name)).save(tmp_path / "t" / f"{name}.png")
    assert found(tmp_path / "t", "skimage-grey", "mpl-mri") == []


def test_flat_pictures_are_like_nothing():
    flat, camera = Picture(np.full((40, 40), 7, np.uint8)), Picture(picture("skimage-grey", "camera"))
    assert alike(flat, camera) is None
    assert alike(flat, flat) is None
    assert find_crop(flat.grey, camera.grey) is None
    assert find_crop(camera.grey, flat.grey) is None


def test_smooth_pictures_that_only_correlate_by_their_large_shapes_raise_no_alarm():
    ramp = np.add.outer(np.arange(200), np.arange(300)).astype(np.float32)
    noise = np.random.RandomState(0).standard_normal((2, 200, 300)).astype(np.float32) * 8
    assert find_crop((ramp + noise[0])[20:160, 30:230], ramp + noise[1]) is None


def test_unreadable_files_are_told_and_do_not_stop_the_scan(tmp_path):
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "a.png").write_bytes(b"broken")
    Image.fromarray(picture("skimage-grey", "coins")).save(tmp_path / "t" / "b.png")
    told, seen = [], []
    matches = scan(
        tmp_path / "t",
        [builtin()["skimage-grey"]],
        crops=False,
        unreadable=told.append,
        progress=lambda done, total: seen.append((done, total)),
    )
    assert [m.item for m in matches] == ["coins"]
    assert told == ["a.png is no image file that Pillow knows"]
    assert seen == [(1, 2), (2, 2)]


def test_sub_folders_are_searched(tmp_path):
    (tmp_path / "t" / "deep").mkdir(parents=True)
    Image.fromarray(picture("skimage-grey", "coins")).save(tmp_path / "t" / "deep" / "b.bmp")
    assert found(tmp_path / "t", "skimage-grey", crops=False) == [("b.bmp", "same pixels", "skimage-grey", "coins")]


def test_a_folder_that_is_not_there_and_sets_without_pictures_are_refused(tmp_path):
    with pytest.raises(DatasetMissing, match="--scan .*nowhere: no such folder"):
        scan(tmp_path / "nowhere", [])
    with pytest.raises(UsageError, match=r"dataset 'ct_slices' holds no pictures that can be compared \(kind ct\)"):
        scan(tmp_path, [builtin()["ct_slices"]])


def test_the_known_overlaps_between_standard_sets_are_found_and_nothing_else(shared_data, monkeypatch):
    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))

    def pairs(folder, name, *items):
        dataset = builtin()[name]
        chosen = replace(dataset, items=tuple(ref for ref in dataset.items if ref.name in items))
        return {(m.file.stem, m.item) for m in scan(shared_data / folder, [chosen])}

    # a few items of each are enough here; over the whole sets the answer is the same
    assert pairs("set5", "set14", "monarch", "face", "comic") == {("butterfly_GT", "monarch"), ("head_GT", "face")}
    assert pairs("classic5", "set11", "boats", "barbara", "house") == {("boats", "boats"), ("barbara", "barbara")}


def test_the_training_photographs_at_hand_are_not_those_of_set5(shared_data, monkeypatch, tmp_path):
    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))
    (tmp_path / "t").mkdir()
    for path in sorted((shared_data / "bsds500_train").glob("*.jpg"))[::80]:
        (tmp_path / "t" / path.name).symlink_to(path)
    assert found(tmp_path / "t", "set5") == []
