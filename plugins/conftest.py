"""Fixtures shared by the bundled plugins' suites."""

from benchhost.testing.fixtures import shared_data

__all__ = ["shared_data"]
