"""``benchhost check`` names breaches, exits with 3 on one, and finds plugins by file, folder, module and name."""

import json
import time

import pytest
from click.testing import CliRunner

from benchhost.cli.check import check
from benchhost.plugins import load
from benchhost.testing.check import check_plugins

BAD = """
import time
from benchhost import Method, hookimpl

@hookimpl
def benchhost_methods():
    yield Method(name="cl-good", target="{module}:Good", summary="", requires=frozenset({{"linear", "svd"}}))
    yield Method(name="cl-raises", target="{module}:Raises", summary="", requires=frozenset({{"linear", "svd"}}))
    yield Method(name="cl-misspelt", target="{module}:Good", summary="", requires=frozenset({{"liner"}}))
    yield Method(name="cl-nowhere", target="{module}:Absent", summary="")

class Good:
    def __init__(self, params): ...
    def reconstruct(self, problem):
        return problem.physics.A_dagger(problem.y)

class Raises(Good):
    def reconstruct(self, problem):
        raise RuntimeError("no such luck")
"""


def run(*args):
    return CliRunner().invoke(check, args)


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "check_bad_plugin.py"
    path.write_text(BAD.format(module="check_bad_plugin"))
    return path


def test_breaches_are_named_and_end_with_3(bad):
    result = run(str(bad), "--json")
    assert result.exit_code == 3, result.output
    found = json.loads(result.stdout)["outcomes"]
    outcomes = {o["subject"]: o for o in found}
    assert outcomes["method cl-good on task denoise"]["status"] == "ok"
    assert outcomes["method cl-raises on task denoise"]["reason"] == "RuntimeError: no such luck"
    assert outcomes["method cl-nowhere"]["status"] == "failed"
    misspelt = [o for o in found if o["subject"] == "method cl-misspelt"]
    assert [o["status"] for o in misspelt] == ["failed", "skipped"]
    assert "requires ['liner']" in misspelt[0]["reason"]
    assert misspelt[1]["reason"] == "suits none of the installed tasks"


def test_a_sound_module_passes():
    result = run("benchhost.testing.synthetic")
    assert result.exit_code == 0, result.output
    assert "method synthetic-pinv on task synthetic" in result.output


def test_an_unknown_plugin_is_answered_with_the_nearest():
    result = run("clasical")
    assert "Did you mean 'classical'" in str(result.exception)


def test_a_folder_without_a_project_is_refused(tmp_path):
    assert "has no pyproject.toml" in str(run(str(tmp_path)).exception)


def test_what_does_not_fit_into_the_time_is_reported_as_left_out():
    catalogue = load(["benchhost.testing.synthetic"])
    plugin = next(p for p in catalogue.plugins if p.name == "benchhost.testing.synthetic")
    outcomes = check_plugins(catalogue, [plugin], until=time.monotonic() - 1)
    assert {o.status for o in outcomes} <= {"left out", "skipped"}
    assert any(o.subject == "task synthetic (factor=2)" and o.status == "left out" for o in outcomes)
