"""Reading an item: locate, verify, decode, check."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchhost.data.checksums import verify
from benchhost.data.places import locate
from benchhost.errors import BenchhostError, UnsuitableImage
from benchhost.types import Dataset, Item, ItemRef

if TYPE_CHECKING:
    import numpy as np


def read_item(dataset: Dataset, ref: ItemRef) -> Item:
    """Locate an item (downloading it where allowed), verify its checksum, read it and check what the reader gave.

    Raises DatasetMissing, ChecksumMismatch, or UnsuitableImage for a file that is not what the dataset's kind promises.
    """
    from benchhost.plugins import resolve

    path = None
    if ref.file:
        path = locate(dataset, ref)
        verify(dataset, ref, path)
    try:
        result = resolve(dataset.reader)(path, ref, dataset.rule)
        array, meta = result if isinstance(result, tuple) else (result, {})
        _check(dataset.kind, array)
    except BenchhostError as error:
        raise type(error)(f"{dataset.name}: {ref.name}: {error}") from error
    return Item(dataset=dataset.name, name=ref.name, kind=dataset.kind, array=array, meta=dict(meta))


def _check(kind: str, array: np.ndarray) -> None:
    """Hold the reader's array against what :class:`~benchhost.types.Item` promises for the kind."""
    import numpy as np

    promise = {
        "image": "uint8 (H, W) or (H, W, 3)",
        "mri": "float32 or complex64 (H, W)",
        "kspace": "complex64 (slices, coils, H, W)",
        "ct": "float32 (H, W)",
    }[kind]
    shape, dtype = array.shape, array.dtype
    fits = {
        "image": dtype == np.uint8 and (len(shape) == 2 or (len(shape) == 3 and shape[2] == 3)),
        "mri": dtype in (np.float32, np.complex64) and len(shape) == 2,
        "kspace": dtype == np.complex64 and len(shape) == 4,
        "ct": dtype == np.float32 and len(shape) == 2,
    }[kind]
    if not fits:
        raise UnsuitableImage(f"a dataset of kind '{kind}' gives {promise}, the reader gave {dtype} {shape}")
    if 0 in shape:
        raise UnsuitableImage(f"the image is empty: {shape}")
    if dtype != np.uint8 and not np.isfinite(array).all():
        raise UnsuitableImage(f"{int((~np.isfinite(array)).sum())} of {array.size} values are NaN or infinite")
