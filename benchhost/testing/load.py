"""Many trivial cells, as a plugin beside :mod:`benchhost.testing.synthetic`: a run of them costs the harness alone.

``--plugin benchhost.testing.synthetic --plugin benchhost.testing.load --datasets load``.  The data set has
$BENCHHOST_LOAD_IMAGES images (default 100), of 64 x 64 pixels, which cost microseconds to make and no file to read.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Any

from benchhost.hookspecs import hookimpl
from benchhost.types import Dataset, ItemRef

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

SIZE = 64
COUNT = "BENCHHOST_LOAD_IMAGES"


def read(path: Path | None, ref: ItemRef, rule: Any) -> np.ndarray:
    """One smooth picture, shifted by the item's number: uint8 (64, 64)."""
    import numpy as np

    number = int(ref.name)
    return np.roll(_picture(), (number % SIZE, number // SIZE % SIZE), (0, 1))


@cache
def _picture() -> np.ndarray:
    import numpy as np

    wave = np.sin(2 * np.pi * np.arange(SIZE) / SIZE)
    return np.uint8(np.round(127.5 + 127.5 * wave[:, None] * wave[None, :]))


@hookimpl
def benchhost_datasets() -> Iterable[Dataset]:
    """The data set ``load``."""
    names = [str(number) for number in range(int(os.environ.get(COUNT, "100")))]
    yield Dataset(
        name="load",
        title="one picture, shifted",
        kind="image",
        channels=1,
        items=tuple(ItemRef(name=name, file="", sha256=hashlib.sha256(name.encode()).hexdigest()) for name in names),
        reader="benchhost.testing.load:read",
        digest=hashlib.sha256(str(len(names)).encode()).hexdigest(),
        source="generated",
    )
