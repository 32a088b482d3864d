"""The run files of the reference results leave out no method, no standard level and none of the data sets promised."""

from pathlib import Path

import pytest

from benchhost.config import read_toml
from benchhost.plugins import load

FOLDER = Path(__file__).parents[2] / "results" / "reference"
SETS = ("set11", "bsd68", "set5", "set14", "classic5", "brain_mri", "ct_slices", "urban100")


@pytest.fixture(scope="module")
def catalogue():
    return load()


def asked(name):
    return read_toml(FOLDER / f"{name}.toml")


@pytest.mark.parametrize("name", SETS)
def test_quick_and_slow_methods_meet_the_same_conditions_and_are_together_all_there_are(name, catalogue):
    quick, slow = asked(name), asked(f"{name}-slow")
    methods = [ask.name for ask in (*quick.pop("methods"), *slow.pop("methods"))]
    assert sorted(methods) == sorted(catalogue.methods)
    assert quick == slow
    assert quick["datasets"] == (name,)


def test_every_standard_level_of_every_task_is_run_on_a_set_of_the_literature(catalogue):
    whole = {ask.name for name in SETS for ask in asked(name)["tasks"] if ask.all_levels}
    assert whole == set(catalogue.tasks)
    assert [(ask.name, ask.all_levels) for ask in asked("embedded")["tasks"]] == [("all", True)]


def test_the_limits_are_those_that_are_promised():
    limits = {name: asked(name).get("limit") for name in SETS}
    assert {name: n for name, n in limits.items() if n} == {"brain_mri": 25, "urban100": 50}
