"""Dataset cards: a TOML file that lists a dataset's files with checksums, URLs, terms, reading rule and lineage.

The file list is one text table (a row a file, columns split by two blanks or a tab), which reads like the output of
``sha256sum`` and parses a thousand times faster than a TOML table per file::

    name = "mine"
    title = "Three pictures of mine"
    kind = "image"
    channels = 3
    urls = ["https://example.org/mine/{file}"]
    columns = ["sha256", "bytes", "file"]
    files = '''
    0d6d...  38267  one.png
    '''
"""

from __future__ import annotations

import hashlib
import posixpath
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from benchhost.data.tables import read_table
from benchhost.errors import UsageError, unknown
from benchhost.keys import canonical
from benchhost.types import Dataset, ItemRef

KINDS = ("image", "mri", "kspace", "ct")
ROLES = ("test", "train")
SOURCES = ("files", "package", "generated")
IMAGE_SUFFIXES = frozenset({".png", ".bmp", ".tif", ".tiff", ".jpg", ".jpeg", ".webp", ".pgm", ".ppm"})
COLUMNS = ("sha256", "bytes", "file", "name", "key", "pixel_sha256", "source")


@dataclass(frozen=True)
class Reader:
    """A reader by its short name: where it is and which options its rule may hold."""

    target: str
    options: tuple[str, ...]


READERS: Mapping[str, Reader] = {
    "image": Reader(
        "benchhost.data.readers:image", ("mode", "crop", "reduce_to", "reduce_from", "scale", "max_pixels")
    ),
    "array": Reader("benchhost.data.readers:array", ("scale", "clip")),
    "embedded-mri": Reader("benchhost.data.embedded:mri", ("size",)),
    "embedded-ct": Reader("benchhost.data.embedded:ct", ("size", "slope", "intercept")),
    "fastmri": Reader("benchhost.data.fastmri:read_volume", ()),
}

_TEXTS = ("title", "home", "licence", "redistribution", "citation", "how_to_get", "notes")
_KEYS = frozenset({
    *_TEXTS, "name", "kind", "channels", "role", "source", "reader", "rule", "lineage", "store",
    "urls", "columns", "files", "files_of", "discover",
})  # fmt: skip
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]*(/[A-Za-z0-9_.+-]+)*")
_SHA = re.compile(r"[0-9a-f]{64}")
_SLICES = re.compile(r"(?P<array>[^\[\]]+)\[(?P<first>\d+):(?P<end>\d+)\]")
_FIELD = re.compile(r"\{(\w*)\}")


def load_card(path: Path | str) -> Dataset:
    """Read one card.

    A card ``dataset.toml`` that lies beside its files makes that folder the place of the files.  Unknown keys, columns,
    readers and rule options are refused with the nearest valid name.

    Raises UsageError, naming the card and the place in it.
    """
    path = Path(path)
    where = f"dataset card {path.name if path.name != 'dataset.toml' else path.parent.name + '/dataset.toml'}"
    try:
        card = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: not valid TOML: {error}") from error
    except OSError as error:
        raise UsageError(f"{where}: cannot be read: {error.strerror}") from error
    _check(card, where)
    folder = path.resolve().parent if path.name == "dataset.toml" else None
    if "files_of" in card:
        other = _owner(card["files_of"], path, where)
        items, store = other.items, other.store or other.name
    elif "discover" in card:
        items, store = _discovered(card), card.get("store", "")
    else:
        items, store = tuple(_items(card, where)), card.get("store", "")
    reader = card.get("reader", "image")
    dataset = Dataset(
        name=card["name"],
        kind=card["kind"],
        channels=card["channels"],
        items=items,
        reader=READERS[reader].target if reader in READERS else reader,
        digest="",
        role=card.get("role", "test"),
        source=card.get("source", "files"),
        rule=card.get("rule", {}),
        lineage=tuple(card.get("lineage", ())),
        folder=folder,
        store=store,
        **{key: card.get(key, "").strip() for key in _TEXTS},
    )
    return replace(dataset, digest=digest(dataset))


def _owner(name: str, path: Path, where: str) -> Dataset:
    """The card beside this one whose files it takes; that one must list them itself."""
    beside = {other.stem: other for other in path.parent.glob("*.toml") if other != path}
    if name not in beside:
        raise unknown("card", name, beside, where=f"{where}: files_of")
    if "files_of" in tomllib.loads(beside[name].read_text(encoding="utf-8")):
        raise UsageError(f"{where}: files_of '{name}', which takes the files of another card itself; name that one")
    return load_card(beside[name])


def digest(dataset: Dataset) -> str:
    """sha256 of what the dataset is: name, reader, rule, and each item's name, checksum and key; no URL, no path."""
    items = [[item.name, item.sha256, item.key] for item in dataset.items]
    text = canonical({"name": dataset.name, "reader": dataset.reader, "rule": dict(dataset.rule), "items": items})
    return hashlib.sha256(text.encode()).hexdigest()


def card_folder() -> Path:
    """Where the built-in cards lie: ``datasets/`` of a checkout, or ``benchhost_cards/`` beside the installed package.

    A folder of its own in the wheel: one inside ``benchhost/`` would make an editable install see two packages of that
    name.  ``datasets/`` alone proves nothing, site-packages may hold a library called so.
    """
    root = Path(__file__).resolve().parents[2]
    checkout = (root / "pyproject.toml").is_file() and (root / "datasets").is_dir()
    return root / ("datasets" if checkout else "benchhost_cards")


def builtin_cards() -> Iterator[Dataset]:
    """Every built-in dataset, in the order of their files' names."""
    for path in sorted(card_folder().glob("*.toml")):
        yield load_card(path)


@cache
def builtin() -> Mapping[str, Dataset]:
    """The built-in datasets by name, read once."""
    return {dataset.name: dataset for dataset in builtin_cards()}


def item_names(files: Sequence[str], keys: Sequence[str]) -> list[str]:
    """Names for items without one: the stem where that is unambiguous, else the file's name; with a key, the key."""
    stems = [_stem(file) for file in files]
    count = Counter(stem for stem, key in zip(stems, keys, strict=True) if not key)
    return [key or (stem if count[stem] == 1 else file) for file, stem, key in zip(files, stems, keys, strict=True)]


def _check(card: Mapping[str, Any], where: str) -> None:
    for key in card:
        if key not in _KEYS:
            raise unknown("key", key, _KEYS, where=where)
    for key in ("name", "title", "kind", "channels"):
        if key not in card:
            raise UsageError(f"{where}: '{key}' is missing")
    for key in (*_TEXTS, "name", "reader", "store", "files", "files_of"):
        if not isinstance(card.get(key, ""), str):
            raise UsageError(f"{where}: {key} must be text, got {card[key]!r}")
    for key in ("lineage", "urls", "columns", "discover"):
        value = card.get(key, [])
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            raise UsageError(f"{where}: {key} must be a list of texts, got {value!r}")
    if not _NAME.fullmatch(card["name"]):
        raise UsageError(f"{where}: name {card['name']!r}: use letters, digits, '_', '-', '.', '+'")
    for key, choices in (("kind", KINDS), ("role", ROLES), ("source", SOURCES)):
        if card.get(key, choices[0]) not in choices:
            raise unknown(key, str(card[key]), choices, where=where)
    if card["channels"] not in (1, 3):
        raise UsageError(f"{where}: channels must be 1 or 3, got {card['channels']!r}")
    given = [key for key in ("files", "files_of", "discover") if key in card]
    if len(given) != 1:
        raise UsageError(
            f"{where}: needs exactly one of files, files_of and discover, has {', '.join(given) or 'none'}"
        )
    for column in card.get("columns", ()):
        if column not in COLUMNS:
            raise unknown("column", column, COLUMNS, where=where)
    for url in card.get("urls", ()):
        for name in _FIELD.findall(url):
            if name not in ("file", "stem", "source"):
                raise unknown("field", name, ("file", "stem", "source"), where=f"{where}: url '{url}'")
    _check_reader(card, where)


def _check_reader(card: Mapping[str, Any], where: str) -> None:
    reader, rule = card.get("reader", "image"), card.get("rule", {})
    if not isinstance(rule, dict):
        raise UsageError(f"{where}: rule must be a table, got {rule!r}")
    if reader not in READERS:
        if ":" not in reader:
            raise unknown("reader", reader, READERS, where=where)
        return
    options = READERS[reader].options
    for option in rule:
        if option not in options:
            raise unknown("option", option, options, where=f"{where}: rule of reader '{reader}'")


def _items(card: Mapping[str, Any], where: str) -> Iterator[ItemRef]:
    columns = card.get("columns", ["sha256", "bytes", "file"])
    rows = list(read_table(card["files"], columns, where))
    for row in rows:
        file = row.get("file", "")
        if file and (not _SHA.fullmatch(row.get("sha256", "")) or not row.get("bytes", "").isdigit()):
            raise UsageError(f"{where}: '{file}' needs a sha256 (64 hex digits) and its size in bytes")
        if not file and not (row.get("name") and row.get("key")):  # generated: its key says what
            raise UsageError(f"{where}: a row without a file needs a name and a key: {row}")
        if file.startswith("/") or ".." in file.split("/") or "\\" in file or ":" in file:
            raise UsageError(f"{where}: '{file}' must be a path below the dataset's folder")
    files, keys = [row.get("file", "") for row in rows], [row.get("key", "") for row in rows]
    # the name of a volume seeds its mask, suffix and all
    names = files if card["kind"] == "kspace" else item_names(files, keys)
    urls = [_template(url) for url in card.get("urls", ())]
    seen: set[str] = set()
    for row, default in zip(rows, names, strict=True):
        file = row.get("file", "")
        ref = ItemRef(
            name=row.get("name") or default,
            file=file,
            sha256=row.get("sha256", ""),
            bytes=int(row.get("bytes") or 0),
            key=row.get("key", ""),
            urls=tuple(url(file, row.get("source", "")) for url in urls) if file else (),
            pixel_sha256=row.get("pixel_sha256", ""),
        )
        for one in _slices(ref):
            if one.name in seen:
                raise UsageError(f"{where}: two items are called '{one.name}'")
            seen.add(one.name)
            yield one


def _slices(ref: ItemRef) -> Iterator[ItemRef]:
    """A key ``image[0:81]`` stands for one item a slice: ``image[0]``, ``image[1]``, ..."""
    found = _SLICES.fullmatch(ref.key) if ref.key else None
    if found is None:
        yield ref
        return
    for i in range(int(found["first"]), int(found["end"])):
        yield replace(ref, name=f"{found['array']}-{i:03d}", key=f"{found['array']}[{i}]")


def _template(url: str) -> Callable[[str, str], str]:
    needs_stem = "{stem}" in url

    def fill(file: str, source: str) -> str:
        filled = url.replace("{file}", file).replace("{source}", source)
        return filled.replace("{stem}", _stem(file)) if needs_stem else filled

    return fill


def _stem(file: str) -> str:
    # pathlib does the same at thirty times the price, and every start of the command line pays it a thousand times
    return posixpath.splitext(posixpath.basename(file))[0]


def _discovered(card: Mapping[str, Any]) -> tuple[ItemRef, ...]:
    from benchhost.data.folders import discover
    from benchhost.data.places import data_folder

    root = data_folder()
    return discover(root / (card.get("store") or card["name"]), card["discover"]) if root else ()
