"""Measurements to train one network on: a task per batch, its operator, level and noise drawn."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache, partial

import numpy as np
import torch
from numpy.random import RandomState
from torch import Generator, Tensor

from benchhost.physics.bicubic import Boundary
from benchhost.physics.block_cs import BlockCS, Sensing, gaussian_rows
from benchhost.physics.blur import CircularBlur, ValidBlur
from benchhost.physics.coils import simulated_maps, smooth_phase
from benchhost.physics.diagonal import Identity, Mask
from benchhost.physics.fourier import RealFourier, SingleCoilFourier
from benchhost.physics.kernels import gaussian_taps, motion_kernel
from benchhost.physics.masks import fastmri_mask, radial_mask, variable_density_mask
from benchhost.physics.radon import Radon
from benchhost.physics.sense import MultiCoilFourier
from benchhost.physics.separable import BicubicDownsampling
from benchhost.physics.strips import ParallelBeam, diagonal_bins, scan_angles
from benchhost.training.measured import Maker, Measured, Setup, measure

# How often each ratio is sensed at: those of the literature's tables, the lower ones more, as they learn slowest.
RATIOS = {0.01: 0.08, 0.04: 0.1, 0.1: 0.3, 0.25: 0.22, 0.3: 0.14, 0.4: 0.06, 0.5: 0.1}
MATRICES = 4  # measurement matrices that block sensing is trained with; the first is the task's own
VIEWS = (20, 30, 60, 90)


def draw(batch: Tensor, rng: Generator, shares: Mapping[str, float], blocks: float = 0.5) -> Measured:
    """Measure a batch (B, 1, H, W) in [0, 1]: the task, its operator, level and noise come from ``rng``.

    shares: of the tasks (names of MAKERS) among the batches, in any unit.
    blocks: share of the sensing that measures blocks of the image; the rest scrambles it.
    """
    words = torch.randint(2**31, (2,), generator=rng).tolist()
    weights = np.array(list(shares.values()))
    task = tuple(shares)[int(RandomState(words[0]).choice(len(shares), p=weights / weights.sum()))]
    maker = partial(_cs, blocks=blocks) if task == "cs" else MAKERS[task]
    return measure(batch, maker, words[1])


def block_sensing(size: tuple[int, int], *, block: int, rows: int, seed: int, scramble: np.ndarray | None) -> Setup:
    """Sensing of ``rows`` measurements a block, on the canvas of whole blocks."""
    canvas = tuple(n + -n % block for n in size)
    matrix = _rows(_orthogonal(block * block, seed), rows, f"training:{block}:{seed}:{rows}")
    return Setup(physics=BlockCS((1, *canvas), block, matrix, scramble=scramble, name=matrix.id), pad=canvas)


def scrambled(size: tuple[int, int], rows: int, random: RandomState) -> Setup:
    """Whole-image sensing by blocks of 32 x 32 of the scrambled image; a new permutation each time."""
    height, width = (n + -n % 32 for n in size)
    return block_sensing(size, block=32, rows=rows, seed=0, scramble=random.permutation(height * width))


def bicubic(size: tuple[int, int], scale: int, boundary: Boundary = "symmetric", sigma: float = 0.0) -> Setup:
    """MATLAB's downsampling of the part that divides by the scale."""
    height, width = (n - n % scale for n in size)
    physics = BicubicDownsampling((1, height, width), scale, boundary=boundary)
    return Setup(physics=physics, sigma=sigma, crop=(height, width))


def radial(size: tuple[int, int], ratio: float) -> Setup:
    """ISTA-Net's kind of sampling of a real image."""
    return Setup(physics=RealFourier(_radial(*size, ratio), size))


def columns(
    size: tuple[int, int], acceleration: int, random: RandomState, *, coils: int = 1, sigma: float = 0.0
) -> Setup:
    """FastMRI's columns of a complex image with a smooth phase; several coils in a ring that is turned at random."""
    share, word = {4: 0.08, 8: 0.04}[acceleration], int(random.randint(2**31))
    mask = fastmri_mask("random", size[1], (word,), accelerations=(acceleration,), center_fractions=(share,))
    phase = smooth_phase(*size, random)
    if coils == 1:
        return Setup(physics=SingleCoilFourier(mask, size), phase=phase, sigma=sigma)
    turns = int(random.randint(4)) if size[0] == size[1] else 2 * int(random.randint(2))
    maps = np.ascontiguousarray(np.rot90(_maps(coils, *size), turns, axes=(1, 2)))
    return Setup(physics=MultiCoilFourier(mask, maps), phase=phase, sigma=sigma)


def projected(size: tuple[int, int], kind: str, ratio: float, random: RandomState, sigma: float = 0.0) -> Setup:
    """Random projections of 32 x 32 blocks: "gaussian" rows, "binary" ones of +-1 (a Hadamard matrix whose columns
    have random signs), both scaled to be orthonormal; or random "fourier" coefficients of the whole image.
    """
    if kind == "fourier":
        mask = random.rand(*size) < ratio
        mask[0, 0] = True
        return Setup(physics=RealFourier(mask, size), sigma=sigma)
    canvas, rows = tuple(n + -n % 32 for n in size), max(1, round(ratio * 1024))
    if kind == "binary":
        full = _hadamard()[random.permutation(1024)] * random.choice((-1.0, 1.0), 1024)
    else:
        full = _orthogonal(1024, int(random.randint(MATRICES)))[random.permutation(1024)]
    matrix = _rows(full, rows, f"training:{kind}:{rows}")
    return Setup(physics=BlockCS((1, *canvas), 32, matrix, name=matrix.id), pad=canvas, sigma=sigma)


def views(size: tuple[int, int], count: int, of_peak: float = 0.0) -> Setup:
    """Parallel beams, with noise relative to the largest projection."""
    return Setup(physics=_radon(*size, count), of_peak=of_peak)


def blur(size: tuple[int, int], kernel: np.ndarray, level: float, *, valid: bool = False) -> Setup:
    """A blur with noise of ``level`` grey levels: circular, or only where the kernel's neighbourhood is known."""
    return Setup(physics=(ValidBlur if valid else CircularBlur)((1, *size), kernel), sigma=level / 255)


def gaussian_kernel(std: float) -> np.ndarray:
    """25 x 25 taps."""
    taps = gaussian_taps(25, std)
    return np.outer(taps, taps)


def _cs(size: tuple[int, int], random: RandomState, blocks: float = 0.5) -> Setup:
    ratio = float(random.choice(list(RATIOS), p=list(RATIOS.values())))
    if random.rand() < 0.2:
        ratio = _log_uniform(random, 0.01, 0.5)
    if random.rand() < 1 - blocks:
        return scrambled(size, int(np.ceil(ratio * 1024)), random)
    return block_sensing(
        size, block=33, rows=max(1, round(ratio * 1089)), seed=int(random.randint(MATRICES)), scramble=None
    )


def _denoise(size: tuple[int, int], random: RandomState) -> Setup:
    return Setup(physics=Identity((1, *size)), sigma=float(random.uniform(5, 55)) / 255)


def _sr(size: tuple[int, int], random: RandomState) -> Setup:
    boundary: Boundary = "symmetric" if random.rand() < 0.5 else "replicate"
    rounded = (1 / 6) ** 0.5 / 255  # what two roundings to 8 bits leave, about
    return bicubic(size, int(random.choice((2, 3, 4))), boundary, rounded if random.rand() < 0.3 else 0.0)


def _mri(size: tuple[int, int], random: RandomState) -> Setup:
    ratio = float(random.choice((0.1, 0.2, 0.3, 0.4, 0.5)))
    way = random.rand()
    if way < 0.4:
        return columns(size, int(random.choice((4, 8))), random)
    if way < 0.8:
        return radial(size, ratio)
    return Setup(physics=RealFourier(variable_density_mask(*size, ratio, random), size))


def _ct(size: tuple[int, int], random: RandomState) -> Setup:
    of_peak = 0.0 if random.rand() < 0.7 else _log_uniform(random, 0.002, 0.03)
    return views(size, int(random.choice(VIEWS)), of_peak)


def _inpaint(size: tuple[int, int], random: RandomState) -> Setup:
    mask = random.rand(*size) < _log_uniform(random, 0.08, 0.8)
    mask[0, 0] = True  # never empty
    return Setup(physics=Mask((1, *size), mask))


def _deblur(size: tuple[int, int], random: RandomState) -> Setup:
    level, valid = _log_uniform(random, 1.5, 10), random.rand() < 0.25
    if random.rand() < 0.5:
        kernel = gaussian_kernel(float(random.uniform(0.8, 3)))
    else:
        kernel = motion_kernel(int(random.choice((13, 17, 21, 25))), int(random.randint(2**20)))
    return blur(size, kernel, level, valid=valid)


def _sense(size: tuple[int, int], random: RandomState) -> Setup:
    sigma = 0.0 if random.rand() < 0.7 else _log_uniform(random, 0.002, 0.05)
    coils = int(random.choice((1, 4, 8), p=(0.5, 0.25, 0.25)))
    return columns(size, int(random.choice((4, 8))), random, coils=coils, sigma=sigma)


def _projections(size: tuple[int, int], random: RandomState) -> Setup:
    kind = str(random.choice(("gaussian", "binary", "fourier")))
    # Never as many as there are pixels, which would be denoising in another basis.
    ratio, sigma = float(random.uniform(0.1, 0.5)), _log_uniform(random, 1, 55) / 255
    return projected(size, kind, ratio, random, sigma)


MAKERS: dict[str, Maker] = {
    "cs": _cs,
    "denoise": _denoise,
    "sr": _sr,
    "mri": _mri,
    "ct": _ct,
    "inpaint": _inpaint,
    "deblur": _deblur,
    "sense": _sense,
    "projections": _projections,
}


def _log_uniform(random: RandomState, low: float, high: float) -> float:
    return float(low * (high / low) ** random.rand())


@lru_cache(maxsize=16)
def _orthogonal(n: int, seed: int) -> np.ndarray:
    return gaussian_rows(n, n, seed)


@lru_cache(maxsize=1)
def _hadamard() -> np.ndarray:
    """(1024, 1024), orthonormal, entries +-1/32: a power of Sylvester's matrix."""
    matrix = np.ones((1, 1))
    for _ in range(10):
        matrix = np.block([[matrix, matrix], [matrix, -matrix]])
    return matrix / 32


def _rows(full: np.ndarray, rows: int, name: str) -> Sensing:
    """The first rows of an orthogonal matrix, which are their own singular vectors."""
    return Sensing(matrix=full[:rows], u=np.eye(rows), s=np.ones(rows), v=full.T, id=name)


@lru_cache(maxsize=16)
def _maps(coils: int, height: int, width: int) -> np.ndarray:
    return simulated_maps(coils, height, width)


@lru_cache(maxsize=64)
def _radial(height: int, width: int, ratio: float) -> np.ndarray:
    return radial_mask(height, width, ratio)


@lru_cache(maxsize=32)
def _radon(height: int, width: int, count: int) -> Radon:
    bins = diagonal_bins(height, width)
    return Radon(ParallelBeam(height=height, width=width, angles=scan_angles(count), bins=bins))
