"""Every task of the catalogue keeps its contract, at every level, in grey and in colour."""

import pytest

from benchhost.plugins import load
from benchhost.testing.problems import pose
from benchhost.testing.tasks import assert_operator, assert_task

CATALOGUE = load()
LEVELS = [
    pytest.param(name, level, id=f"{name}-{i}")
    for name, t in CATALOGUE.tasks.items()
    for i, level in enumerate(t.levels)
]


@pytest.mark.parametrize(("task", "level"), LEVELS)
def test_level(task, level):
    assert_task(CATALOGUE.task(task), CATALOGUE, level)


@pytest.mark.parametrize("task", CATALOGUE.tasks)
def test_operator(task):
    assert_operator(pose(CATALOGUE.task(task)))


@pytest.mark.parametrize("task", [name for name, task in CATALOGUE.tasks.items() if "image" in task.kinds])
def test_colour_images_are_posed_too(task):
    posed = pose(CATALOGUE.task(task), channels=3).posed
    assert posed.truth.shape[1] in (1, 3)
    assert posed.view(posed.truth).truth.shape[2:] in ((), (3,))
