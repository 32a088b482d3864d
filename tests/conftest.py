"""Fixtures shared by the whole suite."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """Folder with the standard test sets; the test skips where it is absent."""
    folder = Path(os.environ.get("BENCHHOST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not (folder / "MANIFEST.json").exists():
        pytest.skip(f"the standard test sets are not in {folder} (set BENCHHOST_DATA)")
    return folder
