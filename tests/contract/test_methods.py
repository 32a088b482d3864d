"""Every method of the catalogue keeps its contract on every task it suits."""

from functools import lru_cache

import pytest

from benchhost.plugins import load
from benchhost.testing.methods import assert_method, why_not
from benchhost.testing.problems import pose

CATALOGUE = load()


@lru_cache
def posing(task):
    return pose(CATALOGUE.task(task))


@pytest.mark.parametrize("task", CATALOGUE.tasks)
@pytest.mark.parametrize("method", CATALOGUE.methods)
def test_method(method, task):
    record = CATALOGUE.method(method)
    if reason := why_not(record, posing(task)):
        pytest.skip(reason)
    assert_method(record, posing(task))
