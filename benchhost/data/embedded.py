"""Datasets that need no download: a real MRI slice that matplotlib ships, and phantoms computed on the spot."""

from __future__ import annotations

import gzip
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost.errors import UnsuitableImage
from benchhost.types import ItemRef

if TYPE_CHECKING:
    import numpy as np


def mri(path: Path | None, ref: ItemRef, rule: Mapping[str, Any]) -> np.ndarray:
    """A magnitude image, float32 (size, size), peak 1: matplotlib's ``s1045.ima.gz``, or the phantom of the key.

    size: 256, or a divisor of it, to which the slice is averaged over blocks.  Keys read ``shepp-logan`` or
    ``ellipses-mri:1`` (phantom and seed).
    """
    import numpy as np

    size = int(rule.get("size", 256))
    values = _phantom(ref.key, size) if path is None else _block_mean(_mpl_slice(path), size)
    return (values / values.max()).astype(np.float32)


def ct(path: Path | None, ref: ItemRef, rule: Mapping[str, Any]) -> np.ndarray:
    """A phantom in Hounsfield units, float32 (size, size): ``slope * v + intercept`` of its values v in [0, 1].

    With slope 2000 and intercept -1000 (the default) 0 is air, 0.5 water and 1 dense bone.
    """
    import numpy as np

    values = _phantom(ref.key, int(rule.get("size", 128)))
    return (rule.get("slope", 2000.0) * values + rule.get("intercept", -1000.0)).astype(np.float32)


def _phantom(key: str, size: int) -> np.ndarray:
    import numpy as np

    from benchhost.data.phantoms import phantom

    kind, _, seed = key.partition(":")
    return phantom(kind, size, int(seed or 0)).astype(np.float64)


def _mpl_slice(path: Path) -> np.ndarray:
    """The sagittal head slice of matplotlib's sample data: 256 x 256 little-endian uint16, no header."""
    import numpy as np

    with gzip.open(path) as file:
        raw = file.read(2 * 256 * 256 + 1)
    if len(raw) != 2 * 256 * 256:
        raise UnsuitableImage(f"{path.name} holds {len(raw)} bytes, expected 256 x 256 values of two bytes")
    return np.frombuffer(raw, dtype="<u2").reshape(256, 256).astype(np.float64)


def _block_mean(values: np.ndarray, size: int) -> np.ndarray:
    side = len(values)
    if size < 1 or side % size:
        raise UnsuitableImage(f"a slice of {side}x{side} pixels does not divide into {size}x{size} blocks")
    return values.reshape(size, side // size, size, side // size).mean(axis=(1, 3))
