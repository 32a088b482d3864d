"""Patches of training images: drawn by (seed, step, rank) alone, so that no state has to be kept to go on exactly."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from benchhost.data import read_item
from benchhost.errors import UsageError
from benchhost.training.trainable import Trainable
from benchhost.types import Dataset


@dataclass(frozen=True, kw_only=True)
class Images:
    """A training dataset in memory, split by name: the last ``held_out`` items are only ever validated on."""

    train: list[np.ndarray]
    held_out: list[np.ndarray]
    train_names: tuple[str, ...]
    held_out_names: tuple[str, ...]


def load_images(dataset: Dataset, trainable: Trainable, *, held_out: int) -> Images:
    """Read, verify and prepare every item.

    Raises UsageError for a dataset that is not for training, or too small to hold ``held_out`` items back.
    """
    if dataset.role != "train":
        raise UsageError(
            f"dataset '{dataset.name}' is a test set: it is never trained on. Use one with role = \"train\""
        )
    refs = sorted(dataset.items, key=lambda ref: ref.name)
    if not 0 < held_out < len(refs):
        raise UsageError(f"cannot hold back {held_out} of the {len(refs)} items of '{dataset.name}' for validation")
    arrays = [np.ascontiguousarray(trainable.prepare(read_item(dataset, ref))) for ref in refs]
    for ref, array in zip(refs, arrays, strict=True):
        if array.ndim != 3 or array.dtype not in (np.uint8, np.float32):
            raise UsageError(
                f"{dataset.name}: {ref.name}: prepared as {array.dtype} {array.shape}, not uint8 or float32 (C, H, W)"
            )
    names = tuple(ref.name for ref in refs)
    return Images(
        train=arrays[:-held_out],
        held_out=arrays[-held_out:],
        train_names=names[:-held_out],
        held_out_names=names[-held_out:],
    )


@dataclass(frozen=True)
class Crop:
    """How a step's batch is cut: ``batch`` patches of ``patch`` x ``patch`` pixels."""

    patch: int
    batch: int

    @classmethod
    def parse(cls, text: str) -> Crop:
        """Read ``64x16``: 16 patches of 64 x 64."""
        patch, _, batch = text.partition("x")
        if not (patch.isdigit() and batch.isdigit() and int(patch) > 0 and int(batch) > 0):
            raise UsageError(f"'{text}' is no crop: write PATCHxBATCH, as in 64x16 for 16 patches of 64 x 64 pixels")
        return cls(int(patch), int(batch))

    def __str__(self) -> str:
        return f"{self.patch}x{self.batch}"


class Patches:
    """Batches of augmented patches: batch ``step`` of rank ``rank`` is a pure function of (seed, step, rank).

    crops: used in turn, one a step: mixing a few large patches among many small ones costs nothing and shows the
        network structures larger than the small patch.
    """

    def __init__(self, images: Sequence[np.ndarray], crops: Sequence[Crop], *, seed: int, rank: int = 0) -> None:
        if not images or not crops:
            raise UsageError("no images or no crops to train on")
        largest = max(crop.patch for crop in crops)
        smallest = min(min(image.shape[1:]) for image in images)
        if largest > smallest:
            raise UsageError(f"patches of {largest} pixels do not fit into a training image with a side of {smallest}")
        self.images, self.crops = images, tuple(crops)
        self.seed, self.rank = seed, rank

    def draw(self, step: int) -> Tensor:
        """The batch of a step: (B, C, P, P) float32; uint8 images in [0, 1]."""
        crop = self.crops[step % len(self.crops)]
        rng = np.random.default_rng([self.seed, step, self.rank])
        patches = [self._patch(rng, crop.patch) for _ in range(crop.batch)]
        batch = torch.from_numpy(np.stack(patches))
        return batch.float().div_(255) if batch.dtype == torch.uint8 else batch

    def generator(self, step: int) -> torch.Generator:
        """The generator that the loss of this step draws from: a stream apart from the patches'."""
        words = np.random.SeedSequence([self.seed, step, self.rank], spawn_key=(1,)).generate_state(2)
        return torch.Generator().manual_seed(int(words[0]) << 31 | int(words[1]) >> 1)

    def _patch(self, rng: np.random.Generator, side: int) -> np.ndarray:
        image = self.images[int(rng.integers(len(self.images)))]
        top = int(rng.integers(image.shape[1] - side + 1))
        left = int(rng.integers(image.shape[2] - side + 1))
        return dihedral(image[:, top : top + side, left : left + side], int(rng.integers(8)))


def dihedral(patch: np.ndarray, which: int) -> np.ndarray:
    """One of the eight symmetries of the square applied to (C, P, P); 0 is the identity."""
    turned = np.rot90(patch, which % 4, axes=(1, 2))
    return turned[:, :, ::-1] if which >= 4 else turned


class Feed:
    """Batches from ``first`` on, cut one step ahead in a thread and moved to the device; counts the seconds waited."""

    def __init__(self, patches: Patches, *, first: int, device: torch.device) -> None:
        self.patches, self.device, self.next = patches, device, first
        self.waited = 0.0
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="patches")
        self._pending = self._pool.submit(self._load, first)

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        start = time.perf_counter()
        batch = self._pending.result()
        self.waited += time.perf_counter() - start
        self.next += 1
        self._pending = self._pool.submit(self._load, self.next)
        return batch.to(self.device, non_blocking=True)

    def close(self) -> None:
        """Stop the thread."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _load(self, step: int) -> Tensor:
        batch = self.patches.draw(step)
        return batch.pin_memory() if self.device.type == "cuda" else batch
