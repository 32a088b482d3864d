"""What of a dataset is on this machine, and whether it is what the card says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchhost.data.checksums import fault
from benchhost.data.places import cache_folder, missing, present
from benchhost.data.reading import read_item
from benchhost.errors import BenchhostError, unknown
from benchhost.types import Dataset, ItemRef


def state_of(dataset: Dataset) -> dict[str, Any]:
    """JSON-ready facts for ``benchhost data list``; ``where`` says in a word how much is here."""
    files = {ref.file: ref for ref in dataset.items if ref.file}
    found = [path for ref in files.values() if (path := present(dataset, ref))]
    return {
        "name": dataset.name,
        "title": dataset.title,
        "kind": dataset.kind,
        "channels": dataset.channels,
        "role": dataset.role,
        "n": len(dataset.items),
        "files": len(files),
        "files_here": len(found),
        "where": _where(dataset, len(files), found),
        "bytes": sum(ref.bytes for ref in files.values()),
        "licence": dataset.licence,
        "redistribution": dataset.redistribution,
        "home": dataset.home,
        "citation": dataset.citation,
        "lineage": list(dataset.lineage),
        "notes": dataset.notes,
        "how_to_get": dataset.how_to_get,
        "digest": dataset.digest,
    }


def check(dataset: Dataset, *, pixels: bool = False) -> dict[str, Any]:
    """Compare every file that is here with its pin; with ``pixels`` also read every item.

    Gives the counts ok and missing, and ``wrong``: a line for each file or item that is not what it should be.
    """
    report: dict[str, Any] = {"name": dataset.name, "n": len(dataset.items), "ok": 0, "missing": 0, "wrong": []}
    bad = set()
    for file, ref in {ref.file: ref for ref in dataset.items}.items():
        path = present(dataset, ref) if file else None
        if file and path is None:
            report["missing"] += 1
            bad.add(file)
        elif path is not None and (problem := fault(path, ref)):
            report["wrong"].append(f"{path}: {problem}")
            bad.add(file)
        elif file:
            report["ok"] += 1
    for ref in dataset.items:
        if ref.file in bad or (ref.file and not pixels):
            continue
        try:
            read_item(dataset, ref)
        except BenchhostError as error:
            report["wrong"].append(str(error))
        else:
            report["ok"] += not ref.file  # generated items have no file that could have been counted
    return report


def paths_of(dataset: Dataset, item: str | None = None) -> list[Path]:
    """The folders that hold the dataset's files, or the file of one item.

    Raises DatasetMissing where nothing is here, and for an unknown item the error with the nearest one.
    """
    refs = [ref for ref in dataset.items if ref.file]
    if item is not None:
        chosen = [ref for ref in dataset.items if item in (ref.name, ref.file)]
        if not chosen:
            raise unknown("item", item, [ref.name for ref in dataset.items], where=f"dataset '{dataset.name}'")
        refs = [ref for ref in chosen if ref.file]
        return [path for ref in refs if (path := present(dataset, ref))] or _nothing(dataset, refs)
    found = [path.parent for ref in refs if (path := present(dataset, ref))]
    return list(dict.fromkeys(found)) or _nothing(dataset, refs)


def _nothing(dataset: Dataset, refs: list[ItemRef]) -> list[Path]:
    if refs:
        raise missing(dataset, refs[0])
    return []


def _where(dataset: Dataset, n: int, found: list[Path]) -> str:
    if not dataset.items:
        return "missing"
    if dataset.source == "generated":
        return "generated"
    if len(found) < n:
        return f"{len(found)} of {n}" if found else "missing"
    if dataset.source == "package":
        return "package"
    cache = cache_folder()
    return "cached" if all(cache in path.parents for path in found) else "local"
