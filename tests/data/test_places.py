"""Where files are looked for, and what is said when they are nowhere."""

from dataclasses import replace

import pytest

from benchhost.data import locate, read_item
from benchhost.data.cards import builtin
from benchhost.data.checksums import sha256_of
from benchhost.data.places import cache_folder, present
from benchhost.errors import ChecksumMismatch, DatasetMissing
from benchhost.types import ItemRef


@pytest.fixture
def dataset(make_card, encode):
    import numpy as np

    return make_card({"a.png": encode(np.arange(64, dtype=np.uint8).reshape(8, 8))})


def put(folder, dataset, data: bytes):
    path = folder / dataset.name / dataset.items[0].file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


def test_the_data_folder_comes_before_the_cache(dataset, tmp_path, monkeypatch, clean_environment):
    cached = put(clean_environment / "data", dataset, b"x")
    assert locate(dataset, dataset.items[0]) == cached
    monkeypatch.setenv("BENCHHOST_DATA", str(tmp_path / "shared"))
    local = put(tmp_path / "shared", dataset, b"x")
    assert locate(dataset, dataset.items[0]) == local


def test_without_a_setting_the_cache_is_the_users_cache_folder(monkeypatch):
    import platformdirs

    monkeypatch.delenv("BENCHHOST_CACHE")
    assert cache_folder() == platformdirs.user_cache_path("benchhost")


def test_a_missing_file_without_address_says_where_it_was_looked_for_and_how_to_get_it(dataset, tmp_path, monkeypatch):
    dataset = replace(dataset, how_to_get="Ask Jo.")
    monkeypatch.setenv("BENCHHOST_DATA", str(tmp_path / "shared"))
    with pytest.raises(DatasetMissing) as error:
        locate(dataset, dataset.items[0])
    said = str(error.value)
    assert said.startswith("mine: a.png is not on this machine. Looked for: ")
    assert str(tmp_path / "shared" / "mine" / "a.png") in said
    assert str(tmp_path / "cache" / "data" / "mine" / "a.png") in said
    assert "put the files into $BENCHHOST_DATA/mine/" in said
    assert said.endswith("Ask Jo. Home: https://example.org")
    assert "data fetch" not in said  # there is no address it could be fetched from


def test_without_a_data_folder_the_message_says_that_it_is_not_set(dataset):
    with pytest.raises(DatasetMissing, match="BENCHHOST_DATA is not set"):
        locate(dataset, dataset.items[0])


def test_offline_nothing_is_downloaded_and_the_message_says_why(make_card, tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "a.png").write_bytes(b"data")
    dataset = make_card({"a.png": b"data"}, urls=(f"file://{tmp_path}/src/{{file}}",))
    for value in ("1", "true"):
        monkeypatch.setenv("BENCHHOST_OFFLINE", value)
        with pytest.raises(
            DatasetMissing, match=r"BENCHHOST_OFFLINE forbids the download from file://.*data fetch mine"
        ):
            locate(dataset, dataset.items[0])
    monkeypatch.setenv("BENCHHOST_OFFLINE", "0")
    assert locate(dataset, dataset.items[0]).read_bytes() == b"data"


def test_reading_verifies_the_checksum_and_overwrites_nothing(dataset, clean_environment):
    path = put(clean_environment / "data", dataset, b"other bytes")
    ref = dataset.items[0]
    with pytest.raises(ChecksumMismatch) as error:
        read_item(dataset, ref)
    said = str(error.value)
    assert str(path) in said
    assert f"expected sha256 {ref.sha256}" in said
    assert f"found {sha256_of(path)} (11 bytes)" in said
    assert "Nothing was overwritten" in said
    assert path.read_bytes() == b"other bytes"


def test_a_wrong_file_of_the_right_size_is_noticed_too(dataset, clean_environment):
    ref = dataset.items[0]
    path = put(clean_environment / "data", dataset, b"\0" * ref.bytes)
    with pytest.raises(ChecksumMismatch, match=f"expected sha256 {ref.sha256}, found sha256 {sha256_of(path)}"):
        read_item(dataset, ref)


def test_a_wrong_file_in_the_data_folder_is_an_error_even_with_a_good_one_in_the_cache(
    make_card, tmp_path, monkeypatch, clean_environment
):
    dataset = make_card({"a.png": b"good"})
    put(clean_environment / "data", dataset, b"good")
    monkeypatch.setenv("BENCHHOST_DATA", str(tmp_path / "shared"))
    put(tmp_path / "shared", dataset, b"evil")
    with pytest.raises(ChecksumMismatch, match="shared"):
        read_item(dataset, dataset.items[0])


def test_a_checksum_is_computed_once_until_the_file_changes(tmp_path, monkeypatch):
    import hashlib

    calls = []
    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *a: calls.append(1) or real(*a))
    path = tmp_path / "f"
    path.write_bytes(b"one")
    first = sha256_of(path)
    assert sha256_of(path) == first
    assert len(calls) == 1
    path.write_bytes(b"three")
    assert sha256_of(path) == hashlib.sha256(b"three").hexdigest() != first


def test_files_of_a_package_are_found_without_importing_it():
    import subprocess
    import sys

    code = (
        "import sys; from benchhost.data.cards import builtin; from benchhost.data.places import locate\n"
        "d = builtin()['embedded-grey']; print(locate(d, d.items[0])); print('skimage' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert out[0].endswith("skimage/data/camera.png")
    assert out[1] == "False"


def test_a_package_that_is_not_there_is_named_with_what_to_install():
    dataset = builtin()["embedded-grey"]
    ref = ItemRef(name="x", file="skimage/data/nothing.png", sha256="0" * 64, bytes=1)
    with pytest.raises(
        DatasetMissing, match=r"skimage/data/nothing.png is part of the package scikit-image.*pip install"
    ):
        locate(dataset, ref)
    ref = replace(ref, file="no_such_package/x.png")
    with pytest.raises(DatasetMissing, match="pip install no_such_package"):
        locate(dataset, ref)


def test_a_package_that_ships_other_bytes_is_named_with_its_version():
    import skimage

    dataset = builtin()["embedded-grey"]
    changed = replace(dataset.items[0], sha256="0" * 64)
    with pytest.raises(ChecksumMismatch, match=f"scikit-image {skimage.__version__} ships other bytes"):
        read_item(dataset, changed)


def test_nothing_is_fetched_to_learn_what_is_present(make_card, tmp_path):
    (tmp_path / "a.png").write_bytes(b"data")
    dataset = make_card({"a.png": b"data"}, urls=(f"file://{tmp_path}/{{file}}",))
    assert present(dataset, dataset.items[0]) is None
    assert not cache_folder().exists()
