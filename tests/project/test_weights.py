"""Every file of weights in the repository: small, half precision, with a card that says where it comes from."""

import hashlib
import json
from pathlib import Path

import pytest
from safetensors import safe_open

ROOT = Path(__file__).parents[2]
FOLDERS = ("benchhost", "plugins")
FILES = sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.safetensors"))
TRAINING_DATA = {"bsds500_train", "mri_t1_studyforrest", "ct_cranium"}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_of_weights_has_a_card(path):
    card = json.loads(path.with_suffix(".json").read_text())
    data = path.read_bytes()
    assert len(data) <= 8_000_000
    assert card["sha256"] == hashlib.sha256(data).hexdigest()
    assert card["dataset"] in TRAINING_DATA
    assert len(card["dataset_digest"]) == 64
    assert len(card["held_out"]) >= 1
    assert card["seed"] >= 0
    assert card["steps"] > 0
    assert card["validation"]
    for stretch in card["history"]:
        assert stretch["commit"]
        assert stretch["command"].startswith("benchhost train ")
    text = path.with_suffix(".md").read_text()
    assert card["sha256"] in text


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_weights_are_half_precision_and_say_what_network_they_are(path):
    with safe_open(path, "np") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {"F16"}  # noqa: SIM118
        assert json.loads(file.metadata()["network"])["architecture"]


def test_all_weights_together_stay_small():
    assert FILES
    assert sum(path.stat().st_size for path in FILES) <= 40_000_000


def test_nothing_in_the_product_unpickles():
    """A file of weights from somebody else must not be able to run code."""
    words = ("torch" + ".load", "import " + "pickle", "pickle" + ".load", "allow_" + "pickle=True")
    found = [
        f"{path.relative_to(ROOT)}: {word}"
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if "tests" not in path.parts
        for word in words
        if word in path.read_text(encoding="utf-8")
    ]
    assert found == []
