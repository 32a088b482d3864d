"""The cards say what the manifest of the standard test sets says, file by file."""

import json
from pathlib import Path
from urllib.parse import unquote

import pytest

from benchhost.data.cards import builtin, card_folder
from benchhost.data.tables import write_table

HAS_CARD = (
    "set11", "set12", "bsd68", "cbsd68", "bsd100", "set5", "set14", "urban100", "live1", "classic5", "kodak24",
    "bsds500_train", "brain_mri", "mcmaster",
)  # fmt: skip


@pytest.fixture(scope="module")
def manifest(shared_data: Path) -> dict:
    return json.loads((shared_data / "MANIFEST.json").read_text())["datasets"]


@pytest.mark.parametrize("name", HAS_CARD)
def test_a_card_lists_exactly_the_files_of_the_manifest(manifest, name):
    facts = manifest[name]
    dataset = builtin()[name]
    expected = [(f["file"], f["bytes"], f["sha256"], f.get("pixel_sha256", "")) for f in facts["files"]]
    assert [(i.file, i.bytes, i.sha256, i.pixel_sha256) for i in dataset.items] == expected
    assert len(dataset.items) == facts["n"]
    assert dataset.role == facts["role"]
    channels = {f["channels"] for f in facts["files"]}
    assert dataset.channels == max(channels)
    assert dataset.rule["mode"] == ("keep" if len(channels) > 1 else {1: "L", 3: "RGB"}[dataset.channels])


@pytest.mark.parametrize("name", HAS_CARD)
def test_the_table_in_the_card_is_the_one_written_from_the_manifest(manifest, name):
    columns = ["sha256", "bytes", "file"] + ["pixel_sha256"] * ("pixel_sha256" in manifest[name]["files"][0])
    rows = [dict(f) for f in manifest[name]["files"]]
    if name == "bsds500_train":
        columns, rows = [*columns, "source"], [r | {"source": r["bsds_split"]} for r in rows]
    if name == "kodak24":
        columns, rows = [*columns, "source"], [r | {"source": Path(r["source_path"]).name} for r in rows]
    assert f"files = '''\n{write_table(rows, columns)}'''\n" in (card_folder() / f"{name}.toml").read_text()


@pytest.mark.parametrize("name", HAS_CARD)
def test_the_first_address_of_every_file_is_its_pinned_source(manifest, name):
    facts = manifest[name]
    for item, fact in zip(builtin()[name].items, facts["files"], strict=True):
        repo = fact.get("source_repo", facts.get("source_repo")).removeprefix("github.com/")
        commit = fact.get("source_commit", facts.get("source_commit"))
        path = fact.get("source_path") or f"{facts['source_path']}/{fact['file']}"
        assert unquote(item.urls[0]) == f"https://raw.githubusercontent.com/{repo}/{commit}/{path}"


@pytest.mark.parametrize(
    ("name", "file", "array"),
    [
        ("ct_slices", "ct_hu_i16.npz", None),
        ("ct_cranium", "cranium_hu_i16.npz", "hu"),
        ("mri_t1_studyforrest", "t1_axial_i16.npz", "image"),
    ],
)
def test_array_datasets_have_one_item_an_array_or_slice(manifest, name, file, array):
    (fact,) = (f for f in manifest[name]["files"] if f["file"] == file)
    items = builtin()[name].items
    assert {(i.file, i.bytes, i.sha256) for i in items} == {(file, fact["bytes"], fact["sha256"])}
    expected = list(fact["arrays"]) if array is None else [f"{array}[{i}]" for i in range(fact["arrays"][array][0][0])]
    assert [i.key for i in items] == expected


def test_pixels_that_two_sets_share_are_declared_in_their_lineage(manifest):
    from benchhost.data.lineage import overlaps

    owners: dict[str, set[str]] = {}
    for name in HAS_CARD:
        for item in builtin()[name].items:
            owners.setdefault(item.pixel_sha256, set()).add(name)
    pairs = {(a, b) for key, names in owners.items() if key for a in names for b in names if a < b}
    assert ("set11", "set12") in pairs
    assert ("kodak24", "live1") in pairs
    assert [pair for pair in pairs if not overlaps((pair[0],), pair[1]).startswith("overlap")] == []
