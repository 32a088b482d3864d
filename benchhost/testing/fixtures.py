"""pytest fixtures for suites that run against the standard test sets."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_data(pytestconfig: pytest.Config) -> Path:
    """Folder with the standard test sets (``$BENCHHOST_DATA``, else ``../shared/data``); skips where it is absent."""
    folder = Path(os.environ.get("BENCHHOST_DATA") or pytestconfig.rootpath.parent / "shared" / "data")
    if not (folder / "MANIFEST.json").exists():
        pytest.skip(f"the standard test sets are not in {folder} (set BENCHHOST_DATA)")
    return folder
