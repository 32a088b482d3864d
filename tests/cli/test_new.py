"""``benchhost new`` writes packages that pass the contract check and their own tests."""

import os
import subprocess
import sys
import tomllib

import pytest
from click.testing import CliRunner

from benchhost.cli.check import check
from benchhost.cli.new import write_plugin
from benchhost.errors import UsageError


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    parent = tmp_path_factory.mktemp("new")
    return {kind: write_plugin(kind, f"fresh-{kind}", parent) for kind in ("method", "task")}


@pytest.fixture(params=["method", "task"])
def written(request, folders):
    return request.param, folders[request.param]


def test_the_written_plugin_passes_check(written, monkeypatch):
    kind, folder = written
    monkeypatch.setattr(sys, "path", [*sys.path])
    result = CliRunner().invoke(check, [str(folder)])
    assert result.exit_code == 0, result.output
    assert f"{kind} fresh-{kind}" in result.output


def test_the_written_tests_pass(folders):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders.values()))}
    tests = [str(folder / "tests") for folder in folders.values()]
    command = [sys.executable, "-m", "pytest", "-q", "--import-mode=importlib", "-p", "no:cacheprovider", *tests]
    done = subprocess.run(
        command, cwd=folders["task"].parent, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "passed" in done.stdout


def test_its_entry_point_names_a_module_that_is_there(written):
    kind, folder = written
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    ((name, module),) = project["entry-points"]["benchhost"].items()
    assert name == f"fresh-{kind}"
    assert (folder / (module.replace(".", "/") + ".py")).is_file()


def test_no_placeholder_is_left(written):
    for path in written[1].rglob("*"):
        if path.is_file() and path.suffix in (".py", ".toml", ".md"):
            text = path.read_text()
            assert not any(f"<{word}>" in text for word in ("name", "module", "Class", "kind")), path


@pytest.mark.parametrize(
    ("name", "words"),
    [("Foo", "cannot name a method"), ("a--b", "cannot name"), ("tv", "there is a method 'tv' already, from plugin")],
)
def test_a_bad_or_taken_name_is_refused(name, words, tmp_path):
    with pytest.raises(UsageError, match=words):
        write_plugin("method", name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_that_exists_is_left_alone(tmp_path):
    folder = write_plugin("method", "fresh", tmp_path)
    (folder / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="nothing was written"):
        write_plugin("method", "fresh", tmp_path)
    assert (folder / "README.md").read_text() == "mine"
