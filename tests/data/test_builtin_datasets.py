"""The hook that offers datasets: the built-in cards, and the user's beside them."""

import pytest

from benchhost.builtins.datasets import benchhost_datasets
from benchhost.data.cards import builtin
from benchhost.data.reading import read_item


@pytest.fixture
def user_card(tmp_path, monkeypatch, encode):
    """``user_card(text)``: a folder ``datasets/trip`` in the working folder, with one image and this card."""
    import hashlib

    import numpy as np

    monkeypatch.chdir(tmp_path)
    data = encode(np.zeros((8, 8), np.uint8))

    def write(name="trip", extra="", root=tmp_path / "datasets"):
        folder = root / name
        folder.mkdir(parents=True)
        (folder / "a.png").write_bytes(data)
        (folder / "dataset.toml").write_text(
            f'name = "{name}"\ntitle = "t"\nkind = "image"\nchannels = 1\n{extra}'
            f"files = '''\n{hashlib.sha256(data).hexdigest()}  {len(data)}  a.png\n'''\n"
        )
        return folder

    return write


def test_every_builtin_card_is_offered(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert [d.name for d in benchhost_datasets()] == list(builtin())


def test_a_card_in_the_working_folder_is_offered_and_read_where_it_lies(user_card):
    folder = user_card()
    dataset = {d.name: d for d in benchhost_datasets()}["trip"]
    assert dataset.folder == folder
    assert read_item(dataset, dataset.items[0]).array.shape == (8, 8)


def test_a_card_below_the_data_folder_is_offered_too(user_card, tmp_path, monkeypatch):
    user_card(root=tmp_path / "shared")
    assert "trip" not in {d.name for d in benchhost_datasets()}
    monkeypatch.setenv("BENCHHOST_DATA", str(tmp_path / "shared"))
    assert "trip" in {d.name for d in benchhost_datasets()}


def test_a_broken_card_is_named_and_the_others_stay(user_card, caplog):
    user_card("good")
    user_card("bad", extra='licens = "MIT"\n')
    names = {d.name for d in benchhost_datasets()}
    assert "good" in names
    assert "bad" not in names
    assert "left out: No key 'licens' in dataset card bad/dataset.toml. Did you mean 'licence'?" in caplog.text


def test_a_card_that_takes_a_builtin_name_is_left_out_and_said(user_card, caplog):
    user_card("set5")
    assert {d.name: d for d in benchhost_datasets()}["set5"].folder is None
    assert "the name 'set5' is taken" in caplog.text
