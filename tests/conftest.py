"""Fixtures shared by the whole suite."""

import pytest

from benchhost.testing.fixtures import shared_data
from tests.postgres import running

__all__ = ["place", "postgres", "shared_data"]


@pytest.fixture(scope="session")
def postgres():
    """A PostgreSQL server; skips, with the reason, where there is none."""
    with running() as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request, tmp_path):
    """Where a store lies: a folder with SQLite in it, or the URL of an empty PostgreSQL database."""
    if request.param == "sqlite":
        return tmp_path
    return request.getfixturevalue("postgres").url()
