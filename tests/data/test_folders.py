"""Folders of a user's own images, and the cards written for them."""

import hashlib

import numpy as np
import pytest

from benchhost.data import folder_dataset, load_card, read_item
from benchhost.data.cards import builtin
from benchhost.data.cards import load_card as load
from benchhost.data.folders import card_text, named_or_folder
from benchhost.errors import ChecksumMismatch, DatasetMissing, UsageError

GREY = np.arange(64, dtype=np.uint8).reshape(8, 8)
RGB = np.stack([GREY] * 3, axis=2)


@pytest.fixture
def folder(tmp_path, encode):
    place = tmp_path / "holiday"
    place.mkdir()
    (place / "b.PNG").write_bytes(encode(GREY))
    (place / "a.bmp").write_bytes(encode(RGB, "BMP"))
    (place / "notes.txt").write_text("no picture")
    (place / "sub").mkdir()
    (place / "sub" / "c.png").write_bytes(encode(GREY))
    return place


def test_a_folder_of_images_is_a_dataset_sorted_by_name_and_hashed(folder):
    dataset = folder_dataset(folder)
    assert [(i.name, i.file) for i in dataset.items] == [("a", "a.bmp"), ("b", "b.PNG")]
    assert dataset.items[0].sha256 == hashlib.sha256((folder / "a.bmp").read_bytes()).hexdigest()
    assert (dataset.name, dataset.kind, dataset.channels, dataset.role) == ("holiday", "image", 3, "test")
    assert [read_item(dataset, ref).array.shape for ref in dataset.items] == [(8, 8, 3), (8, 8)]


def test_a_folder_of_grey_images_has_one_channel(folder):
    (folder / "a.bmp").unlink()
    assert folder_dataset(folder).channels == 1


def test_the_digest_follows_the_bytes_and_not_the_place(folder, tmp_path, encode):
    first = folder_dataset(folder).digest
    moved = folder.rename(tmp_path / "elsewhere")
    assert folder_dataset(moved, "holiday").digest == first
    (moved / "b.PNG").write_bytes(encode(GREY + 1))
    assert folder_dataset(moved, "holiday").digest != first


def test_files_that_differ_in_suffix_only_keep_it_in_their_names(folder, encode):
    (folder / "a.png").write_bytes(encode(RGB))
    assert [i.name for i in folder_dataset(folder).items] == ["a.bmp", "a.png", "b"]


def test_a_file_that_changes_after_listing_is_noticed(folder, encode):
    dataset = folder_dataset(folder)
    (folder / "b.PNG").write_bytes(encode(GREY + 1))
    with pytest.raises(ChecksumMismatch, match="put the file back, or write the card anew"):
        read_item(dataset, dataset.items[1])
    (folder / "b.PNG").unlink()
    with pytest.raises(DatasetMissing, match="put the file back, or write the card anew"):
        read_item(dataset, dataset.items[1])


def test_a_folder_that_is_not_there_or_holds_nothing_is_named(tmp_path):
    with pytest.raises(DatasetMissing, match="dataset folder .*nowhere: no such folder"):
        folder_dataset(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"dataset folder .*empty: no images \(.bmp .jpeg"):
        folder_dataset(tmp_path / "empty")


def test_the_card_written_for_a_folder_gives_the_same_dataset(folder):
    plain = folder_dataset(folder)
    (folder / "dataset.toml").write_text(card_text(plain, licence='mine, "all" of it', home="https://example.org"))
    carded = folder_dataset(folder)
    assert carded.items == plain.items
    assert carded.digest == plain.digest
    assert carded.folder == folder
    assert carded.licence == 'mine, "all" of it'
    assert load_card(folder / "dataset.toml") == carded


def test_the_name_of_a_folder_becomes_one_that_a_dataset_can_have(folder, tmp_path):
    place = folder.rename(tmp_path / "_my trip (2)")
    dataset = folder_dataset(place)
    assert dataset.name == "my_trip_2_"
    (place / "dataset.toml").write_text(card_text(dataset))
    assert folder_dataset(place).digest == dataset.digest


def test_a_card_beside_the_files_rules_and_can_be_renamed(folder):
    (folder / "dataset.toml").write_text(card_text(folder_dataset(folder)).replace('"holiday"', '"beach"', 1))
    assert folder_dataset(folder).name == "beach"
    renamed = folder_dataset(folder, "sea")
    assert renamed.name == "sea"
    assert renamed.digest != folder_dataset(folder).digest


def test_a_name_or_else_a_folder(folder, monkeypatch):
    from benchhost.errors import unknown

    def find(name):
        if name not in builtin():
            raise unknown("dataset", name, builtin())
        return builtin()[name]

    monkeypatch.chdir(folder.parent)
    assert named_or_folder("set5", find).name == "set5"
    assert named_or_folder("holiday", find).folder == folder
    assert named_or_folder("./holiday", find).folder == folder
    with pytest.raises(UsageError, match="Did you mean 'set5'"):
        named_or_folder("sett5", find)
    with pytest.raises(DatasetMissing, match="no such folder"):
        named_or_folder("./sett5", find)


@pytest.fixture
def volumes(tmp_path):
    from benchhost.data.fastmri import write_example

    place = tmp_path / "shared" / "fastmri"
    place.mkdir(parents=True)
    for name in ("file1000001.h5", "file1000000.h5"):
        write_example(place / name, slices=2, size=(48, 40), recon=24)
    return place


def fastmri():
    from benchhost.data.cards import card_folder

    return load(card_folder() / "fastmri.toml")


def test_fastmri_has_no_items_until_the_user_points_to_it(monkeypatch, volumes):
    assert fastmri().items == ()
    assert "Register" in fastmri().how_to_get
    monkeypatch.setenv("BENCHHOST_DATA", str(volumes.parent))
    dataset = fastmri()
    assert [ref.name for ref in dataset.items] == ["file1000000.h5", "file1000001.h5"]
    item = read_item(dataset, dataset.items[0])
    assert item.array.shape == (2, 1, 48, 40)
    assert item.meta["filename"] == "file1000000.h5"


def test_volumes_are_pinned_by_size_until_there_are_checksums(monkeypatch, volumes):
    monkeypatch.setenv("BENCHHOST_DATA", str(volumes.parent))
    dataset = fastmri()
    ref = dataset.items[0]
    path = volumes / ref.file
    assert ref.sha256 == f"size:{path.stat().st_size}"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ChecksumMismatch, match=rf"expected {ref.bytes} bytes, found {ref.bytes + 1} bytes"):
        read_item(dataset, ref)
    assert fastmri().digest != dataset.digest


def test_a_file_of_checksums_pins_volumes_by_them(monkeypatch, volumes):
    monkeypatch.setenv("BENCHHOST_DATA", str(volumes.parent))
    by_size = fastmri().digest
    lines = [f"{hashlib.sha256(p.read_bytes()).hexdigest()} *{p.name}" for p in volumes.glob("*.h5")]
    (volumes / "SHA256SUMS").write_text("\n".join(lines) + "\n")
    dataset = fastmri()
    assert dataset.digest != by_size
    read_item(dataset, dataset.items[0])
    path = volumes / dataset.items[0].file
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ChecksumMismatch, match=f"expected sha256 {dataset.items[0].sha256}"):
        read_item(dataset, dataset.items[0])


def test_a_broken_file_of_checksums_is_named(monkeypatch, volumes):
    monkeypatch.setenv("BENCHHOST_DATA", str(volumes.parent))
    (volumes / "SHA256SUMS").write_text("hello\n")
    with pytest.raises(UsageError, match="SHA256SUMS: line 1 is not a line of sha256sum: 'hello'"):
        fastmri()


def test_any_folder_of_volumes_is_a_dataset_too(volumes, encode):
    dataset = folder_dataset(volumes)
    assert (dataset.kind, len(dataset.items)) == ("kspace", 2)
    assert read_item(dataset, dataset.items[1]).kind == "kspace"
    (volumes / "dataset.toml").write_text(card_text(dataset))
    carded = folder_dataset(volumes)
    assert [ref.name for ref in carded.items] == [ref.name for ref in dataset.items]
    assert all(len(ref.sha256) == 64 for ref in carded.items)
    assert read_item(carded, carded.items[1]).meta["filename"] == "file1000001.h5"
    (volumes / "dataset.toml").unlink()
    (volumes / "a.png").write_bytes(encode(GREY))
    with pytest.raises(UsageError, match="both images and .h5 volumes"):
        folder_dataset(volumes)
