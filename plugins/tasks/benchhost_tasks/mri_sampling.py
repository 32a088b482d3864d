"""Which part of k-space a scan samples: the mask of one item."""

from __future__ import annotations

import numpy as np

from benchhost.errors import UnsuitableImage
from benchhost.physics.masks import fastmri_mask, filename_seed, radial_mask, variable_density_mask
from benchhost.seeds import Seeds
from benchhost.types import Item
from benchhost_tasks.artefacts import is_file, load_arrays
from benchhost_tasks.mri_spec import COLUMN_MASKS, MriParams


def sampling_mask(params: MriParams, item: Item, shape: tuple[int, int], seeds: Seeds) -> np.ndarray:
    """The mask by the task's parameters: bool (W,) for columns, (H, W) for points.

    Columns are fastMRI's, seeded by the file name (for images that come without one, the item's name): the same mask
    whenever the item is measured, whatever else is asked.  Another ``repeat``, or another seed of the run, draws
    another mask, so that repeats also average over masks.
    Generated points are the same for all images of a size, as ISTA-Net's are; ``repeat`` draws "variable" anew.
    """
    name = f"{item.dataset}/{item.name}"
    if is_file(params.sampling):
        return _from_file(params.sampling, shape, name)
    try:
        if params.sampling in COLUMN_MASKS:
            return fastmri_mask(
                params.sampling,
                shape[1],
                mask_seed(item, seeds),
                accelerations=(params.acceleration,),
                center_fractions=(params.center,),
            )
    except ValueError as error:
        raise UnsuitableImage(f"{name}: {error}") from error
    if params.sampling == "radial":
        return radial_mask(*shape, params.ratio)
    return variable_density_mask(*shape, params.ratio, np.random.RandomState(seeds.repeat))


def mask_seed(item: Item, seeds: Seeds) -> tuple[int, ...]:
    """FastMRI's seed of the file name, continued where ``repeat`` or the run's seed is not 0."""
    seed = filename_seed(item.meta.get("filename") or item.name)
    if not seeds.repeat and not seeds.base:
        return seed
    return (*seed, seeds.repeat, seeds.base & 0xFFFFFFFF, (seeds.base >> 32) & 0xFFFFFFFF)


def sampling_notes(mask: np.ndarray, shape: tuple[int, int]) -> dict[str, float | int]:
    """The acceleration that the mask has, which the draw makes differ from the one asked for."""
    sampled = float(np.broadcast_to(mask, shape).mean())
    notes: dict[str, float | int] = {"acceleration": 1 / sampled, "sampled": sampled}
    return notes | ({"lines": int(mask.sum())} if mask.ndim == 1 else {})


def _from_file(path: str, shape: tuple[int, int], name: str) -> np.ndarray:
    arrays = load_arrays(path)
    fitting = [array for array in arrays if array.shape == shape]
    if not fitting:
        sizes = ", ".join(f"{a.shape[0]}x{a.shape[1]}" for a in arrays)
        raise UnsuitableImage(f"{name}: {shape[0]}x{shape[1]} pixels, but the mask in {path} is for {sizes}")
    mask = fitting[0]
    if not np.isin(mask, (0, 1)).all() or not mask.any():
        raise UnsuitableImage(f"{name}: the array in {path} is no mask of zeros and ones")
    return mask.astype(bool)
