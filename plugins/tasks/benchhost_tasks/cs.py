"""Block compressed sensing: y = Phi x for every block."""

from functools import lru_cache

import numpy as np
import torch
from torch.nn import functional as F

from benchhost.errors import UsageError
from benchhost.physics.block_cs import BlockCS, Sensing, gaussian_rows, sensing
from benchhost.physics.noise import awgn
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed
from benchhost_tasks.artefacts import file_id, is_file, load_arrays
from benchhost_tasks.cs_spec import CsParams
from benchhost_tasks.images import full_range_luma, pixels, posed, to_tensor


class BlockSensing:
    """Pad with zeros to whole blocks, measure; the padded canvas is the domain, so that A+ stays the adjoint."""

    def __init__(self, params: CsParams) -> None:
        self.params = params

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """Measure an item; see :class:`benchhost.types.TaskRuntime`."""
        p = self.params
        image = pixels(item)
        if p.colour == "luma":
            image = full_range_luma(image)
        height, width = image.shape[:2]
        down, right = (_missing(n, p.block, p.padding) for n in (height, width))
        x = F.pad(to_tensor(image), (0, right, 0, down))
        canvas = x.shape[2:]
        scramble = None
        if p.operator == "scrambled":
            scramble = seeds.random_state("permutation").permutation(canvas[0] * canvas[1])
        matrix, name = measurement_matrix(p)
        A = BlockCS(x.shape[1:], p.block, matrix, scramble=scramble, name=name, dtype=torch.float64)
        y = awgn(A(x), p.sigma / 255, seeds.random_state("noise"))
        notes = {"rows": p.rows, "canvas": list(canvas), "measured_ratio": A.out_shape[1] * p.rows / (height * width)}
        return posed(x=x, y=y, physics=A, sigma=p.sigma / 255, notes=notes, size=(height, width))


def measurement_matrix(params: CsParams) -> tuple[Sensing, str]:
    """The factored matrix, and its name where it follows from a rule (a re-computed one has other last bits)."""
    n = params.block**2
    if is_file(params.matrix):
        return _from_file(params.matrix, file_id(params.matrix), params.rows, n), ""
    name = f"gaussian-rows:n={n},rows={params.rows},seed={params.matrix_seed}"
    return _gaussian(n, params.rows, params.matrix_seed), name


@lru_cache(maxsize=8)
def _gaussian(n: int, rows: int, seed: int) -> Sensing:
    return sensing(gaussian_rows(n, rows, seed))


@lru_cache(maxsize=8)
def _from_file(path: str, digest: str, rows: int, n: int) -> Sensing:
    """The first ``rows`` rows of a file's matrix; ``digest`` keys the cache, so that a changed file is read again."""
    arrays = load_arrays(path)
    fitting = [a for a in arrays if a.shape[1] == n and len(a) >= rows]
    if not fitting:
        raise UsageError(f"{path}: a matrix of at least {rows} x {n} is needed, the file has {_shapes(arrays)}")
    return sensing(fitting[0][:rows])


def _shapes(arrays: list[np.ndarray]) -> str:
    return ", ".join(f"{a.shape[0]} x {a.shape[1]}" for a in arrays)


def _missing(n: int, block: int, padding: str) -> int:
    """Pixels to add to a side; ISTA-Net's rule adds a whole block to a side that divides already."""
    return block - n % block if padding == "ista" else -n % block
