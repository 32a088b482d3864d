"""Fixtures shared by the whole suite."""

from benchhost.testing.fixtures import shared_data

__all__ = ["shared_data"]
