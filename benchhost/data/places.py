"""Where a dataset's files may lie: a folder of the user's, $BENCHHOST_DATA, the cache, an installed package."""

from __future__ import annotations

import importlib.util
import os
from functools import cache
from pathlib import Path

from benchhost.errors import DatasetMissing
from benchhost.types import Dataset, ItemRef

# What to install for a package whose distribution has another name.
DISTRIBUTIONS = {"skimage": "scikit-image"}


def data_folder() -> Path | None:
    """``$BENCHHOST_DATA``: a folder with one sub-folder a dataset, or None."""
    value = os.environ.get("BENCHHOST_DATA")
    return Path(value).expanduser() if value else None


def cache_folder() -> Path:
    """Where downloads go: ``$BENCHHOST_CACHE``, or the user's cache folder."""
    value = os.environ.get("BENCHHOST_CACHE")
    if value:
        return Path(value).expanduser()
    import platformdirs

    return platformdirs.user_cache_path("benchhost")


def offline() -> bool:
    """Whether ``$BENCHHOST_OFFLINE`` forbids the network."""
    return os.environ.get("BENCHHOST_OFFLINE", "").lower() not in ("", "0", "false", "no")


def store_name(dataset: Dataset) -> str:
    """The dataset's folder below $BENCHHOST_DATA and the cache."""
    return dataset.store or dataset.name


def cached_path(dataset: Dataset, ref: ItemRef) -> Path:
    """Where a download of this item goes."""
    return cache_folder() / "data" / store_name(dataset) / ref.file


def candidates(dataset: Dataset, ref: ItemRef) -> list[Path]:
    """Where this item is looked for, in order."""
    if dataset.source == "package":
        folder = package_folder(ref.file.partition("/")[0])
        return [folder / ref.file] if folder else []
    if dataset.folder is not None:
        return [dataset.folder / ref.file]
    root = data_folder()
    places = [root / store_name(dataset) / ref.file] if root else []
    return [*places, cached_path(dataset, ref)]


def present(dataset: Dataset, ref: ItemRef) -> Path | None:
    """The item's file if it is on this machine, else None; nothing is read, fetched or verified."""
    return next((path for path in candidates(dataset, ref) if path.is_file()), None)


def locate(dataset: Dataset, ref: ItemRef) -> Path:
    """The item's file: in ``$BENCHHOST_DATA/<dataset>``, else the cache, else downloaded (unless $BENCHHOST_OFFLINE).

    A download is verified before it gets its name; a file that is already there is verified by
    :func:`~benchhost.data.reading.read_item`.  Raises DatasetMissing, saying where it was looked for and how to get it,
    and ChecksumMismatch where only wrong bytes can be had.
    """
    path = present(dataset, ref)
    if path is not None:
        return path
    if dataset.source == "package":
        package = ref.file.partition("/")[0]
        distribution = DISTRIBUTIONS.get(package, package)
        raise DatasetMissing(
            f"{dataset.name}: {ref.file} is part of the package {distribution}, which does not have it here. "
            f"Get it: pip install {distribution}"
        )
    if ref.urls and dataset.folder is None and not offline():
        from benchhost.data.fetch import download

        return download(dataset, ref)
    raise missing(dataset, ref)


def missing(dataset: Dataset, ref: ItemRef, *tried: str) -> DatasetMissing:
    """The error for a file that is nowhere: places, failed downloads, and what to do."""
    places = candidates(dataset, ref)
    lines = [f"{dataset.name}: {ref.file} is not on this machine. Looked for: {', '.join(map(str, places))}."]
    if data_folder() is None and dataset.folder is None:
        lines.append("BENCHHOST_DATA is not set.")
    if tried:
        lines.append(f"Downloads failed: {'; '.join(tried)}.")
    elif ref.urls and offline():
        lines.append(f"BENCHHOST_OFFLINE forbids the download from {ref.urls[0]}.")
    lines.append(how_to_get(dataset))
    return DatasetMissing(" ".join(lines))


def how_to_get(dataset: Dataset) -> str:
    """What the user can do to have this dataset, in one or two sentences."""
    if dataset.folder is not None:
        return f"Get it: put the file back, or write the card anew with 'benchhost data card {dataset.folder}'."
    put = f"put the files into $BENCHHOST_DATA/{store_name(dataset)}/"
    fetch = f"'benchhost data fetch {dataset.name}', or " if any(ref.urls for ref in dataset.items) else ""
    said = f" {dataset.how_to_get}" if dataset.how_to_get else ""
    home = f" Home: {dataset.home}" if dataset.home else ""
    return f"Get it: {fetch}{put}.{said}{home}"


@cache
def package_folder(package: str) -> Path | None:
    """The folder that holds an installed package, found without importing it."""
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        return None
    return Path(next(iter(spec.submodule_search_locations))).parent
