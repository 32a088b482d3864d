"""Folders of images without a card: listed, hashed and made a dataset on the spot; and the card written for them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from benchhost.data.cards import IMAGE_SUFFIXES, READERS, digest, item_names, load_card
from benchhost.data.checksums import SIZE_PIN, sha256_of
from benchhost.data.readers import image_channels
from benchhost.data.tables import write_table
from benchhost.errors import DatasetMissing, UsageError
from benchhost.types import Dataset, ItemRef

SUMS = "SHA256SUMS"


def folder_dataset(path: Path | str, name: str = "") -> Dataset:
    """A folder as a dataset: by its ``dataset.toml`` if it has one, else all images (or fastMRI ``.h5`` volumes) in it.

    Files are sorted by name; images are hashed now (about a second a gigabyte), volumes as :func:`discover` says.
    The folder's name is the dataset's, unless ``name`` is given.  Sub-folders are not entered.

    Raises DatasetMissing where there is no such folder, UsageError where there is nothing in it to read.
    """
    folder = Path(path).expanduser().resolve()
    if not folder.is_dir():
        raise DatasetMissing(f"dataset folder {path}: no such folder (looked for {folder})")
    if (folder / "dataset.toml").is_file():
        dataset = load_card(folder / "dataset.toml")
        return _named(dataset, name) if name else dataset
    images = sorted(p.name for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    volumes = discover(folder, ("*.h5",))
    if images and volumes:
        raise UsageError(f"dataset folder {path}: holds both images and .h5 volumes; use one folder for each")
    if not images and not volumes:
        kinds = " ".join(sorted(IMAGE_SUFFIXES))
        raise UsageError(f"dataset folder {path}: no images ({kinds}) and no .h5 volumes in it")
    dataset = Dataset(
        name=name or _name_of(folder),
        title=f"folder {folder.name}",
        kind="kspace" if volumes else "image",
        channels=1 if volumes else max(image_channels(folder / file) for file in images),
        items=volumes or tuple(_hashed(folder, images)),
        reader=READERS["fastmri" if volumes else "image"].target,
        digest="",
        rule={} if volumes else {"mode": "keep"},
        folder=folder,
    )
    return replace(dataset, digest=digest(dataset))


def named_or_folder(name: str, find: Callable[[str], Dataset]) -> Dataset:
    """The dataset of that name by ``find``, or the folder that ``name`` is the path of."""
    try:
        return find(name)
    except UsageError:
        if os.sep in name or Path(name).is_dir():
            return folder_dataset(name)
        raise


def discover(folder: Path, patterns: Sequence[str]) -> tuple[ItemRef, ...]:
    """Files of a registration-only dataset, as they lie in ``folder``, by name.

    Each is pinned by its sha256 where the folder has a ``SHA256SUMS`` (as ``sha256sum *.h5 > SHA256SUMS`` writes it)
    and else by its size: hashing the tens of gigabytes of such a set at every start is out of the question.
    """
    sums = _sums(folder / SUMS)
    refs = []
    for path in sorted((p for pattern in patterns for p in folder.glob(pattern)), key=lambda p: p.name):
        file, size = path.relative_to(folder).as_posix(), path.stat().st_size
        refs.append(ItemRef(name=path.name, file=file, sha256=sums.get(file, f"{SIZE_PIN}{size}"), bytes=size))
    return tuple(refs)


def card_text(dataset: Dataset, *, licence: str = "", home: str = "") -> str:
    """A card for a folder dataset, to be saved as ``dataset.toml`` beside its files; volumes are hashed for it now."""
    rows = [{"sha256": _sha256(dataset, ref), "bytes": ref.bytes, "file": ref.file} for ref in dataset.items]
    rule = "\n".join(f"{key} = {_toml(value)}" for key, value in dataset.rule.items())
    short = next((name for name, reader in READERS.items() if reader.target == dataset.reader), dataset.reader)
    head = {
        "name": dataset.name,
        "title": dataset.title,
        "kind": dataset.kind,
        "channels": dataset.channels,
        "role": dataset.role,
        "reader": short,
        "home": home,
        "licence": licence,
        "lineage": list(dataset.lineage),
        "columns": ["sha256", "bytes", "file"],
    }
    lines = [f"{key} = {_toml(value)}" for key, value in head.items()]
    table = write_table(rows, ("sha256", "bytes", "file"))
    return "\n".join(lines) + f"\nfiles = '''\n{table}'''\n" + (f"\n[rule]\n{rule}\n" if rule else "")


def _sha256(dataset: Dataset, ref: ItemRef) -> str:
    return sha256_of(dataset.folder / ref.file) if ref.sha256.startswith(SIZE_PIN) else ref.sha256


def _hashed(folder: Path, files: Sequence[str]) -> Iterator[ItemRef]:
    for file, name in zip(files, item_names(files, [""] * len(files)), strict=True):
        path = folder / file
        yield ItemRef(name=name, file=file, sha256=sha256_of(path), bytes=path.stat().st_size)


def _name_of(folder: Path) -> str:
    return re.sub(r"[^A-Za-z0-9_.+-]+", "_", folder.name).lstrip("_.+-") or "folder"


def _named(dataset: Dataset, name: str) -> Dataset:
    dataset = replace(dataset, name=name)
    return replace(dataset, digest=digest(dataset))


def _sums(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    found = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        sha, _, file = line.partition(" ")
        if line.strip() and (len(sha) != 64 or not file.strip()):
            raise UsageError(f"{path}: line {number} is not a line of sha256sum: '{line}'")
        found[file.strip().removeprefix("*").removeprefix("./")] = sha.lower()
    return found


def _toml(value: object) -> str:
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, bool | int | float):
        return str(value).lower()
    text = str(value).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{text}"'
