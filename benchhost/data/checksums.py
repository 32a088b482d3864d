"""sha256 of files, and the comparison with the card."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from benchhost.data.places import DISTRIBUTIONS
from benchhost.errors import ChecksumMismatch
from benchhost.types import Dataset, ItemRef

SIZE_PIN = "size:"  # a file that is only listed, not hashed, is pinned as "size:12345"


def sha256_of(path: Path) -> str:
    """sha256 of a file's bytes; remembered while path, size and modification time stay the same."""
    stat = path.stat()
    return _sha256(str(path), stat.st_size, stat.st_mtime_ns)


@lru_cache(maxsize=65536)
def _sha256(path: str, size: int, mtime_ns: int) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def fault(path: Path, ref: ItemRef) -> str:
    """What is wrong with the file's bytes against the pin, as "expected ..., found ..."; "" when they agree."""
    if ref.sha256.startswith(SIZE_PIN):
        found = f"{SIZE_PIN}{path.stat().st_size}"
    elif ref.bytes and path.stat().st_size != ref.bytes:
        # the size is enough to know, and says more about a half-finished copy
        return (
            f"expected sha256 {ref.sha256} ({ref.bytes} bytes), found {sha256_of(path)} ({path.stat().st_size} bytes)"
        )
    else:
        found = sha256_of(path)
    return "" if found == ref.sha256 else f"expected {_pin(ref.sha256)}, found {_pin(found)}"


def verify(dataset: Dataset, ref: ItemRef, path: Path) -> None:
    """Raise ChecksumMismatch, naming file, expected and found, unless ``path`` holds the pinned bytes."""
    wrong = fault(path, ref)
    if not wrong:
        return
    advice = "Nothing was overwritten: replace the file, or delete it to fetch it again"
    if dataset.source == "package":
        package = ref.file.partition("/")[0]
        advice = f"{_installed(package)} ships other bytes than the ones this dataset pins: use another version of it"
    elif dataset.folder is not None:
        advice = "Nothing was overwritten: put the file back, or write the card anew with 'benchhost data card'"
    raise ChecksumMismatch(f"{dataset.name}: {path}: {wrong}. {advice}.")


def _pin(text: str) -> str:
    return f"{text.removeprefix(SIZE_PIN)} bytes" if text.startswith(SIZE_PIN) else f"sha256 {text}"


def _installed(package: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    distribution = DISTRIBUTIONS.get(package, package)
    try:
        return f"{distribution} {version(distribution)}"
    except PackageNotFoundError:
        return distribution
