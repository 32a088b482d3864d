"""``benchhost data`` and ``benchhost leaks`` on the command line."""

import json
import sys

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from benchhost.cli.main import cli, main
from benchhost.data.cards import builtin
from benchhost.errors import DatasetMissing, UsageError

METHODS = """
from benchhost.hookspecs import hookimpl
from benchhost.types import Method

@hookimpl
def benchhost_methods():
    yield Method(name="old", target="toy_leaks:X", summary="s", trained_on=("train400",))
    yield Method(name="new", target="toy_leaks:X", summary="s", trained_on=("bsds500_train",))
    yield Method(name="dark", target="toy_leaks:X", summary="s", trained_on=None)
    yield Method(name="plain", target="toy_leaks:X", summary="s")
"""


@pytest.fixture(autouse=True)
def clean_environment(tmp_path, monkeypatch):
    monkeypatch.delenv("BENCHHOST_DATA", raising=False)
    monkeypatch.setenv("BENCHHOST_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("BENCHHOST_OFFLINE", "1")
    monkeypatch.chdir(tmp_path)


def run(*args: str, code: int = 0):
    """Run the command without installed plugins; what it raises for the user passes through."""
    result = CliRunner().invoke(cli, [*args, "--no-plugins"], standalone_mode=False, catch_exceptions=False)
    exit_code = result.return_value if isinstance(result.return_value, int) else result.exit_code
    assert exit_code == code, result.output
    return result


def json_of(*args: str, code: int = 0):
    return json.loads(run(*args, "--json", code=code).stdout)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "trip").mkdir()
    for i, name in enumerate(("a.png", "b.png")):
        Image.fromarray(np.full((8, 8), i, np.uint8)).save(tmp_path / "trip" / name)
    return tmp_path / "trip"


def test_list_says_what_is_here_and_under_which_terms():
    rows = {row["name"]: row for row in json_of("data", "list")}
    assert set(rows) == set(builtin())
    assert rows["embedded-grey"]["where"] == "package"
    assert rows["embedded-ct"]["where"] == "generated"
    assert rows["set5"]["where"] == "missing"
    assert (rows["set5"]["n"], rows["set5"]["bytes"], rows["set5"]["licence"]) == (5, 1702706, "none stated")
    assert rows["bsds500_train"]["role"] == "train"
    text = run("data", "list", "set5", "embedded-ct").stdout
    assert text.splitlines()[0].split() == ["dataset", "kind", "role", "n", "here", "size", "licence"]
    assert "1.7 MB" in text


def test_list_counts_a_set_that_is_here_in_part(shared_data, monkeypatch):
    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))
    (row,) = json_of("data", "list", "set11")
    assert (row["where"], row["files_here"]) == ("local", 11)
    (row,) = json_of("data", "list", "brain_mri")
    assert row["where"] == f"{row['files_here']} of 50" or row["files_here"] == 50


def test_list_refuses_an_unknown_name_with_the_nearest():
    with pytest.raises(UsageError, match="No dataset 'sett5'. Did you mean 'set5'"):
        run("data", "list", "sett5")


def test_fetch_verifies_what_is_here_and_reports_progress_on_standard_error():
    result = run("data", "fetch", "embedded-grey", "embedded-ct")
    assert result.stdout.splitlines() == [
        "embedded-grey: 6 files, 0 fetched, all verified",
        "embedded-ct: 0 files, 0 fetched, all verified",
    ]
    assert "embedded-grey 1/6 skimage/data/camera.png: here" in result.stderr
    assert json_of("data", "fetch", "embedded-grey")[0]["fetched"] == 0


def test_fetch_offline_says_what_is_missing_and_why():
    with pytest.raises(DatasetMissing, match="BENCHHOST_OFFLINE forbids the download from https://"):
        run("data", "fetch", "set5")


def test_fetch_downloads_into_the_cache(tmp_path, monkeypatch, folder):
    """A user's card with file addresses, from nothing to a verified copy."""
    monkeypatch.delenv("BENCHHOST_OFFLINE")
    plugin = tmp_path / "toy_fetch.py"
    card = CliRunner().invoke(cli, ["data", "card", str(folder)]).stdout
    (tmp_path / "trip.toml").write_text(f'urls = ["file://{folder}/{{file}}"]\n' + card)
    plugin.write_text(
        "from benchhost.hookspecs import hookimpl\n"
        "@hookimpl\n"
        "def benchhost_datasets():\n"
        "    from benchhost.data import load_card\n"
        f"    yield load_card({str(tmp_path / 'trip.toml')!r})\n"
    )
    result = run("data", "fetch", "trip", "--plugin", str(plugin))
    assert result.stdout == "trip: 2 files, 2 fetched, all verified\n"
    assert sorted(p.name for p in (tmp_path / "cache" / "data" / "trip").iterdir()) == ["a.png", "b.png"]
    (row,) = json_of("data", "list", "trip", "--plugin", str(plugin))
    assert row["where"] == "cached"


def test_verify_passes_good_files_and_names_bad_ones(folder):
    (folder / "dataset.toml").write_text(CliRunner().invoke(cli, ["data", "card", str(folder)]).stdout)
    assert run("data", "verify", str(folder), "--pixels").stdout == "trip: 2 ok, 0 missing, 0 wrong\n"
    Image.fromarray(np.full((8, 8), 9, np.uint8)).save(folder / "a.png")
    (folder / "b.png").unlink()
    (report,) = json_of("data", "verify", str(folder), code=1)
    assert (report["ok"], report["missing"], len(report["wrong"])) == (0, 1, 1)
    assert report["wrong"][0].startswith(str(folder / "a.png") + ": expected sha256 ")


def test_verify_without_names_looks_at_what_is_here():
    names = {line.partition(":")[0] for line in run("data", "verify").stdout.splitlines()}
    assert {"embedded-grey", "embedded-ct", "mpl-mri"} <= names
    assert "set5" not in names


def test_verify_of_a_missing_set_by_name_fails():
    assert run("data", "verify", "set5", code=1).stdout == "set5: 0 ok, 5 missing, 0 wrong\n"


def test_path_prints_the_folder_or_the_file_of_an_item(folder):
    assert run("data", "path", str(folder)).stdout == f"{folder}\n"
    assert json_of("data", "path", str(folder), "b") == [str(folder / "b.png")]
    assert run("data", "path", "embedded-grey", "camera").stdout.endswith("skimage/data/camera.png\n")
    with pytest.raises(UsageError, match="No item 'd' in dataset 'trip'"):
        run("data", "path", str(folder), "d")
    with pytest.raises(DatasetMissing, match="Looked for: "):
        run("data", "path", "set5")


def test_an_error_reaches_the_user_as_one_line_and_an_exit_code(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["data", "path", "set5", "--no-plugins"])
    assert exit_.value.code == 1
    assert capsys.readouterr().err.startswith("error: set5: baby_GT.bmp is not on this machine. Looked for: ")


@pytest.fixture
def methods(tmp_path):
    (tmp_path / "toy_leaks.py").write_text(METHODS)
    yield str(tmp_path / "toy_leaks.py")
    sys.modules.pop("toy_leaks", None)  # the next test loads a file of this name from another folder


def test_leaks_prints_methods_against_test_sets_with_the_reasons(methods):
    text = run("leaks", "--plugin", methods, "--datasets", "set5,bsd68", "--methods", "old,new,dark,plain").stdout
    lines = [line.split() for line in text.splitlines()]
    assert lines[0] == ["test", "set", "old", "new", "dark", "plain"]
    assert lines[2] == ["set5", "overlap", "clean", "undeclared", "clean"]
    assert lines[3] == ["bsd68", "clean", "clean", "undeclared", "clean"]
    assert "old on set5: overlap: set5 overlaps bsds500/train: woman_GT is 302003" in text


def test_leaks_leaves_out_what_was_never_trained_unless_asked_for(methods):
    rows = json_of("leaks", "--plugin", methods)
    assert {row["method"] for row in rows} == {"old", "new", "dark"}
    assert {row["dataset"] for row in rows} == {name for name, d in builtin().items() if d.role == "test"}
    assert {row["status"] for row in rows if row["method"] == "dark"} == {"undeclared"}


def test_leaks_refuses_unknown_names(methods):
    with pytest.raises(UsageError, match="No method 'olt'. Did you mean 'old'"):
        run("leaks", "--plugin", methods, "--methods", "olt")
    with pytest.raises(UsageError, match="Did you mean 'set5'"):
        run("leaks", "--plugin", methods, "--datasets", "sett5")


def test_leaks_without_trained_methods_says_so():
    assert run("leaks").stdout == "No method here was trained on anything.\n"


def test_scan_finds_a_rescaled_copy_and_ends_with_one(tmp_path):
    from benchhost.data import read_item

    dataset = builtin()["skimage-grey"]
    camera = read_item(dataset, dataset.items[0]).array
    (tmp_path / "train").mkdir()
    Image.fromarray(camera).resize((200, 200)).save(tmp_path / "train" / "x.jpg")
    (row,) = json_of("leaks", "--scan", "train", "--datasets", "skimage-grey", "--no-crops", code=1)
    assert (row["how"], row["dataset"], row["item"]) == ("same picture", "skimage-grey", "camera")
    text = run("leaks", "--scan", "train", "--datasets", "skimage-grey,set5", "--no-crops", code=1)
    assert text.stdout.startswith("train/x.jpg: same picture as skimage-grey camera (")
    assert "set5: 5 items are not here and are compared by checksum alone" in text.stderr


def test_scan_that_finds_nothing_says_so(folder):
    assert (
        run("leaks", "--scan", str(folder), "--datasets", "set5").stdout == "No picture of these test sets was found.\n"
    )
