"""Downloading: https or file, bounded in size, to a temporary name, verified, then renamed; mirrors in turn."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO, Protocol

from benchhost.data.checksums import verify
from benchhost.data.places import cached_path, missing, offline, present
from benchhost.errors import ChecksumMismatch
from benchhost.types import Dataset, ItemRef

STALE_SECONDS = 24 * 3600
_PART = ".part-"


class Sink(Protocol):
    """Where a downloader writes what it gets.  limit: how many bytes are expected at most."""

    limit: int

    def write(self, data: bytes) -> int:
        """Take the next bytes; raise ValueError when there are too many."""


Downloader = Callable[[str, Sink], None]
"""``(url, sink)``: write the bytes of ``url`` to the sink; raise OSError or ValueError when that fails."""


class _Bounded:
    """A file that hashes what is written and refuses more than ``limit`` bytes."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self.file, self.limit, self.count, self.hash = file, limit, 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.count += len(data)
        if self.count > self.limit:
            raise ValueError(f"sends more than the {self.limit} bytes expected")
        self.hash.update(data)
        return self.file.write(data)


def fetch(
    dataset: Dataset,
    items: Sequence[ItemRef] | None = None,
    *,
    downloader: Downloader | None = None,
    progress: Callable[[ItemRef, Path, bool], None] = lambda ref, path, fetched: None,
) -> list[Path]:
    """Bring every file of the dataset (or of ``items``) onto this machine and verify it.

    progress: called per file with (item, path, whether it was downloaded just now).
    Raises DatasetMissing or ChecksumMismatch at the first file that cannot be had; what was fetched before stays.
    """
    paths: dict[str, Path] = {}
    for ref in dataset.items if items is None else items:
        if not ref.file or ref.file in paths:
            continue
        path = present(dataset, ref)
        fetched = path is None
        if path is None:
            if dataset.folder is not None or dataset.source != "files" or not ref.urls or offline():
                raise missing(dataset, ref)
            path = download(dataset, ref, downloader=downloader)
        verify(dataset, ref, path)
        paths[ref.file] = path
        progress(ref, path, fetched)
    return list(paths.values())


def download(dataset: Dataset, ref: ItemRef, *, downloader: Downloader | None = None) -> Path:
    """Download one file into the cache, trying its URLs in turn, and return its path.

    Until the bytes are verified they lie under a temporary name, so that a killed download leaves nothing that could
    be taken for the file.  Raises DatasetMissing naming each URL's failure, ChecksumMismatch where all that could be
    had were wrong bytes.
    """
    target = cached_path(dataset, ref)
    target.parent.mkdir(parents=True, exist_ok=True)
    _sweep(target.parent)
    failures, wrong = [], []
    for url in ref.urls:
        try:
            _download_one(url, ref, target, downloader or _get)
            return target
        except ChecksumMismatch as error:
            wrong.append(f"{url}: {error}")
        except (OSError, ValueError) as error:
            failures.append(f"{url}: {_reason(error)}")
    if wrong:
        raise ChecksumMismatch(
            f"{dataset.name}: {ref.file}: no mirror has the pinned file. {'; '.join([*wrong, *failures])}. "
            "Nothing was kept."
        )
    raise missing(dataset, ref, *failures)


def _download_one(url: str, ref: ItemRef, target: Path, downloader: Downloader) -> None:
    scheme = url.partition(":")[0].lower()
    if scheme not in ("https", "file"):
        raise ValueError(f"only https and file addresses are used, not {scheme}")
    handle, name = tempfile.mkstemp(prefix=f"{_PART}{target.name}-", dir=target.parent)
    part = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            sink = _Bounded(file, ref.bytes)
            downloader(url, sink)
            file.flush()
            os.fsync(file.fileno())
        if sink.hash.hexdigest() != ref.sha256:
            raise ChecksumMismatch(
                f"expected sha256 {ref.sha256} ({ref.bytes} bytes), found {sink.hash.hexdigest()} ({sink.count} bytes)"
            )
        part.chmod(0o644)  # mkstemp makes files that only their owner can read; a cache may be shared
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def _get(url: str, sink: Sink) -> None:
    """The downloader for real: files are copied, https goes through requests."""
    if url.lower().startswith("file:"):
        from urllib.parse import urlsplit
        from urllib.request import url2pathname

        with open(url2pathname(urlsplit(url).path), "rb") as file:
            while chunk := file.read(1 << 20):
                sink.write(chunk)
        return
    from benchhost.data import https

    https.get(url, sink)


def _sweep(folder: Path) -> None:
    """Remove what downloads killed long ago have left; younger ones may belong to another process."""
    for part in folder.glob(f"{_PART}*"):
        with contextlib.suppress(OSError):
            if time.time() - part.stat().st_mtime > STALE_SECONDS:
                part.unlink()


def _reason(error: BaseException) -> str:
    """The error's name and first line; of a web library's errors within errors, the innermost, without its address."""
    inner = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(inner, Exception):
        error = inner
    text = (str(error).strip().splitlines() or [""])[0]
    text = text.removeprefix(text.partition("): ")[0] + "): ") if text.startswith("HTTP") else text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
