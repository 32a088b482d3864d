"""Looking for a test set's pictures in a folder: by checksum, by thumbnail in eight orientations, and as crops.

Lineage says what is declared; this looks.  Files of the test set need not be here for the comparison of checksums.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from benchhost.data.cards import IMAGE_SUFFIXES
from benchhost.data.checksums import sha256_of
from benchhost.data.cropsearch import Crop, find_crop
from benchhost.data.places import present
from benchhost.data.reading import read_item
from benchhost.errors import BenchhostError, DatasetMissing, UsageError
from benchhost.types import Dataset, ItemRef

THUMBNAIL = 24
# Measured over the 398 Berkeley training photographs against all sets at hand: the same picture gives at least .96 of
# normalised correlation, different ones at most .938 (mountains against a glass pyramid).
ALIKE = 0.95
FEW_BITS = 8  # of the 64 of a difference hash
NEARLY_ALIKE = 0.90
_ORIENTATIONS = ("", "rotated 90°", "rotated 180°", "rotated 270°", "mirrored", "mirrored, rotated 90°",
                 "mirrored, rotated 180°", "mirrored, rotated 270°")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Match:
    """A file that shows (part of) a dataset's item.

    how: "same file", "same pixels", "same picture" or "crop".
    score: normalised correlation of what was compared, in [0, 1].
    detail: orientation, or where the crop lies.
    """

    file: Path
    dataset: str
    item: str
    how: str
    score: float
    detail: str = ""


class Picture:
    """A grey picture and what is compared of it, computed when asked for."""

    def __init__(self, pixels: np.ndarray) -> None:
        self.pixels = pixels
        self.grey = pixels.astype(np.float32).mean(axis=2) if pixels.ndim == 3 else pixels.astype(np.float32)

    @cached_property
    def thumbnail(self) -> np.ndarray:
        """24 x 24, zero mean, unit norm, flat."""
        return _standardised(resize(self.grey, THUMBNAIL, THUMBNAIL))

    @cached_property
    def orientations(self) -> np.ndarray:
        """The thumbnail in the eight orientations of the square: (8, 576)."""
        square = self.thumbnail.reshape(THUMBNAIL, THUMBNAIL)
        return np.stack([np.rot90(s, k).ravel() for s in (square, square[:, ::-1]) for k in range(4)])

    @cached_property
    def hash(self) -> np.ndarray:
        """Difference hash: 64 bits, whether each of 8 x 9 means exceeds its left neighbour."""
        small = resize(self.grey, 8, 9)
        return (small[:, 1:] > small[:, :-1]).ravel()


def scan(
    folder: Path | str,
    datasets: Sequence[Dataset],
    *,
    crops: bool = True,
    progress: Callable[[int, int], None] = lambda done, total: None,
    unreadable: Callable[[str], None] = lambda message: None,
) -> list[Match]:
    """Find pictures of ``datasets`` among the image files below ``folder``, best first for each file.

    crops: also look for one picture inside the other, rescaled (about 0.1 s a pair of pictures; not mirrored).
    unreadable: told of files that could not be read; they are compared by checksum alone.
    Raises DatasetMissing for a folder that is not there, UsageError for datasets that hold no pictures.
    """
    folder = Path(folder).expanduser()
    if not folder.is_dir():
        raise DatasetMissing(f"--scan {folder}: no such folder")
    for dataset in datasets:
        if dataset.kind not in ("image", "mri"):
            raise UsageError(f"dataset '{dataset.name}' holds no pictures that can be compared (kind {dataset.kind})")
    files = sorted(p for p in folder.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES and p.is_file())
    tests = [(dataset, ref) for dataset in datasets for ref in dataset.items]
    pictures = {i: p for i, (d, r) in enumerate(tests) if (p := _test_picture(d, r)) is not None}
    matches = []
    for number, file in enumerate(files, 1):
        matches += _of_file(file, tests, pictures, crops, unreadable)
        progress(number, len(files))
    return matches


def alike(one: Picture, two: Picture) -> tuple[float, str] | None:
    """Correlation and orientation where the two are the same picture as a whole, else None."""
    scores = one.thumbnail @ two.orientations.T
    best = int(np.argmax(scores))
    bits = int((one.hash != two.hash).sum()) if best == 0 else 64
    if scores[best] >= ALIKE or (scores[best] >= NEARLY_ALIKE and bits <= FEW_BITS):
        return float(scores[best]), _ORIENTATIONS[best]
    return None


def resize(grey: np.ndarray, height: int, width: int) -> np.ndarray:
    """Area averages of a grey image: float32 (height, width)."""
    from PIL import Image

    return np.asarray(Image.fromarray(grey).resize((width, height), Image.Resampling.BOX))


def _of_file(
    file: Path,
    tests: Sequence[tuple[Dataset, ItemRef]],
    pictures: dict[int, Picture],
    crops: bool,
    unreadable: Callable[[str], None],
) -> Iterator[Match]:
    try:
        mine = _file_picture(file)
    except BenchhostError as error:
        unreadable(str(error))
        mine = None
    sha = sha256_of(file)
    pixels = hashlib.sha256(np.ascontiguousarray(mine.pixels).tobytes()).hexdigest() if mine else ""
    for i, (dataset, ref) in enumerate(tests):
        found = _compare(sha, pixels, mine, ref, pictures.get(i), crops)
        if found:
            how, score, detail = found
            yield Match(file=file, dataset=dataset.name, item=ref.name, how=how, score=score, detail=detail)


def _compare(
    sha: str, pixels: str, mine: Picture | None, ref: ItemRef, theirs: Picture | None, crops: bool
) -> tuple[str, float, str] | None:
    if sha == ref.sha256:
        return "same file", 1.0, ""
    if pixels and pixels == ref.pixel_sha256:
        return "same pixels", 1.0, ""
    if mine is None or theirs is None:
        return None
    if whole := alike(mine, theirs):
        return "same picture", *whole
    if not crops:
        return None
    for small, large, words in (
        (theirs, mine, "it shows the rectangle"),
        (mine, theirs, "the file shows its rectangle"),
    ):
        crop = find_crop(small.grey, large.grey)
        if crop:
            return "crop", crop.score, f"{words} {_place(crop)}"
    return None


def _place(crop: Crop) -> str:
    return f"{crop.height}x{crop.width} at row {crop.top}, column {crop.left}"


def _standardised(values: np.ndarray) -> np.ndarray:
    flat = values.astype(np.float32).ravel()
    flat = flat - flat.mean()
    norm = float(np.linalg.norm(flat))
    return flat / norm if norm > 0 else flat


def _file_picture(file: Path) -> Picture:
    from benchhost.data.readers import image

    return Picture(image(file, ItemRef(name=file.stem, file=file.name, sha256=""), {}))


def _test_picture(dataset: Dataset, ref: ItemRef) -> Picture | None:
    """The item as a picture, or None where it is not on this machine; nothing is downloaded for a scan."""
    if ref.file and present(dataset, ref) is None:
        return None
    values = np.abs(read_item(dataset, ref).array)
    return Picture(values if values.dtype == np.uint8 else values * 255)


def absent(datasets: Iterable[Dataset]) -> dict[str, int]:
    """How many items of each dataset are not here, and so are compared by checksum alone."""
    counts = {d.name: sum(1 for r in d.items if r.file and present(d, r) is None) for d in datasets}
    return {name: count for name, count in counts.items() if count}
