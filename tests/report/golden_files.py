"""Comparison with golden files."""

from pathlib import Path

import pytest

GOLDEN = Path(__file__).parent / "golden"


def same(name: str, text: str) -> None:
    """Compare with a golden file.  After a wanted change: delete the file, run, read the new one, commit it."""
    path = GOLDEN / name
    if not path.exists():
        path.write_text(text, encoding="utf-8", newline="\n")
        pytest.fail(f"{path.name} did not exist and was written: read it and commit it")
    assert text == path.read_text(encoding="utf-8")
