"""Problems posed on crops of training images, for choosing settings; test images are refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from benchhost import params as P
from benchhost.data import read_item
from benchhost.errors import UsageError
from benchhost.plugins import load, resolve
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed


def posed(
    task: str, values: Mapping[str, Any], dataset: str, count: int, size: int, channels: int = 1
) -> Iterator[Posed]:
    """``count`` images spread evenly over a training set, cropped to ``size`` pixels and measured by the task.

    channels: 3 keeps the colour of natural images; 1 takes their rounded BT.601 luma.
    Raises UsageError for a dataset that is not training data.
    """
    catalogue = load()
    card = catalogue.dataset(dataset)
    if card.role != "train":
        raise UsageError(f"dataset '{dataset}' has role '{card.role}': settings are chosen on training data only")
    spec = catalogue.task(task)
    runtime = resolve(spec.target)(P.build(resolve(spec.params), values, owner=f"task '{task}'"))
    step = max(1, len(card.items) // count)
    for ref in card.items[step // 2 :: step][:count]:
        item = read_item(card, ref)
        seeds = Seeds(task=f"{task}:{sorted(values.items())}", dataset=dataset, image=ref.name)
        yield runtime.pose(replace(item, array=_crop(item, size, channels)), seeds)


def _crop(item: Item, size: int, channels: int) -> np.ndarray:
    array = item.array
    if item.kind == "image" and array.ndim == 3 and channels == 1:
        array = np.uint8(np.round(array @ (0.299, 0.587, 0.114)))
    if item.kind != "image":  # whole organs, smaller: a crop would leave most of a slice's structure out
        by = max(1, min(array.shape) // size)
        H, W = (n // by for n in array.shape)
        array = array[: H * by, : W * by].reshape(H, by, W, by).mean((1, 3))
    top, left = ((n - size) // 2 for n in array.shape[:2])
    return np.ascontiguousarray(array[top : top + size, left : left + size])
