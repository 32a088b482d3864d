"""Sampling masks of MRI: fastMRI's column masks, bit for bit, and generated two-dimensional masks; numpy only.

fastMRI: Zbontar et al., "fastMRI: An Open Dataset and Benchmarks for Accelerated MRI", arXiv:1811.08839; the rules
and their order of random draws are those of the challenge masks, so that public reconstructions can be compared.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np

from benchhost.errors import unknown


def filename_seed(filename: str) -> tuple[int, ...]:
    """fastMRI's seed of a volume's mask: the character codes of its file name, ``file1000000.h5``."""
    return tuple(map(ord, filename))


def fastmri_mask(
    kind: str,
    width: int,
    seed: Sequence[int],
    *,
    accelerations: Sequence[int] = (4,),
    center_fractions: Sequence[float] = (0.08,),
) -> np.ndarray:
    """Columns sampled in one volume: bool (width,), DC at ``width // 2``.

    kind: "random" (knee challenge), "equispaced_fraction" (brain challenge), "equispaced", "magic", "magic_fraction".
    accelerations, center_fractions: pairs; one pair is drawn where there are several, which advances the stream, so
        "4x" alone and "4x out of 4x and 8x" are different masks.  The actual acceleration varies with the draw.
    """
    if kind not in _LINES:
        raise unknown("fastMRI mask", kind, _LINES)
    if len(accelerations) != len(center_fractions):
        raise ValueError(f"{len(accelerations)} accelerations but {len(center_fractions)} center fractions")
    rng = np.random.RandomState(seed)
    pair = rng.randint(len(center_fractions))
    acceleration, low = accelerations[pair], round(width * center_fractions[pair])
    if not 0 < low < width or acceleration < 1:
        raise ValueError(f"no mask of {width} columns with {low} central lines and acceleration {acceleration}")
    mask = _LINES[kind](rng, width, acceleration, low)
    start = (width - low + 1) // 2
    mask[start : start + low] = True
    return mask


def _random(rng: np.random.RandomState, width: int, acceleration: int, low: int) -> np.ndarray:
    """Bernoulli lines, width / acceleration expected in all."""
    probability = (width / acceleration - low) / (width - low)
    return rng.uniform(size=width) < probability


def _equispaced(rng: np.random.RandomState, width: int, acceleration: int, low: int) -> np.ndarray:
    """Every ``acceleration``-th line, the central ones extra: the true rate is lower than asked."""
    mask = np.zeros(width, dtype=bool)
    mask[rng.randint(0, acceleration) :: acceleration] = True
    return mask


def _equispaced_fraction(rng: np.random.RandomState, width: int, acceleration: int, low: int) -> np.ndarray:
    """Lines at a real-valued stride, rounded, so that the total with the centre is width / acceleration."""
    stride = acceleration * (low - width) / (low * acceleration - width)
    if stride <= 0:
        raise ValueError(f"{low} central of {width} lines already exceed acceleration {acceleration}")
    offset = rng.randint(0, round(stride))
    mask = np.zeros(width, dtype=bool)
    mask[np.around(np.arange(offset, width - 1, stride)).astype(int)] = True
    return mask


def _magic(rng: np.random.RandomState, width: int, acceleration: int, low: int) -> np.ndarray:
    """Lines whose mirror images fall between lines (Defazio, arXiv:1912.01101), so that k and -k are not both taken."""
    offset = rng.randint(0, acceleration)
    first_positive, first_negative = (offset + 1, offset + 2) if offset % 2 == 0 else (offset + 2, offset - 1)
    mask = np.zeros(width, dtype=bool)
    mask[first_positive : (width + 1) // 2 : acceleration] = True  # frequencies k >= 0, DC first
    mask[width - 1 - first_negative : (width + 1) // 2 - 1 : -acceleration] = True  # k = -1, -2, ... from the end
    return np.fft.fftshift(mask)


def _magic_fraction(rng: np.random.RandomState, width: int, acceleration: int, low: int) -> np.ndarray:
    """Magic lines, thinned so that the total with the centre is about width / acceleration."""
    outer = round(width / acceleration) - low
    if outer <= 0:
        return np.zeros(width, dtype=bool)
    return _magic(rng, width, round(width / outer), low)


_LINES: dict[str, Callable[[np.random.RandomState, int, int, int], np.ndarray]] = {
    "random": _random,
    "equispaced": _equispaced,
    "equispaced_fraction": _equispaced_fraction,
    "magic": _magic,
    "magic_fraction": _magic_fraction,
}
FASTMRI_MASKS = tuple(_LINES)


@lru_cache(maxsize=8)
def radial_mask(height: int, width: int, ratio: float) -> np.ndarray:
    """The fewest equiangular lines through DC that sample at least ``ratio`` of k-space: bool, DC at [0, 0].

    Point symmetric.  The unpaired (Nyquist) frequencies of even sizes are never sampled; a ratio out of reach gives
    all that lines reach.  The array is shared between calls: do not write to it.
    """
    _check_ratio(ratio)
    mask = np.zeros((height, width), dtype=bool)
    lines = 0
    while mask.sum() < ratio * height * width and lines < 4 * (height + width):
        lines += 1
        mask = _spokes(height, width, lines)
    return mask


def _spokes(height: int, width: int, lines: int) -> np.ndarray:
    """Nearest grid points along ``lines`` diameters, half a pixel apart, made symmetric: bool, DC at [0, 0]."""
    t = np.arange(0, math.hypot(height, width) / 2 + 0.5, 0.5)
    angle = np.arange(lines) * (math.pi / lines)
    # rounding to 1e-9 first keeps a libm cosine's last bit from moving a point that lies midway between two
    ky = np.floor(np.round(np.outer(np.sin(angle), t), 9) + 0.5).astype(int).ravel()
    kx = np.floor(np.round(np.outer(np.cos(angle), t), 9) + 0.5).astype(int).ravel()
    inside = (np.abs(ky) <= (height - 1) // 2) & (np.abs(kx) <= (width - 1) // 2)
    mask = np.zeros((height, width), dtype=bool)
    mask[ky[inside], kx[inside]] = True
    mask[-ky[inside], -kx[inside]] = True
    return mask


def variable_density_mask(height: int, width: int, ratio: float, rng: np.random.RandomState) -> np.ndarray:
    """Random points, dense near DC, point symmetric, ``round(ratio N)`` of them up to a pair: bool, DC at [0, 0].

    Each conjugate pair is kept by weighted sampling without replacement (Efraimidis and Spirakis, 2006) with weight
    (1 - r)^4, r the distance from DC relative to the corner; the central disk of 2 % of the points is always kept.
    """
    _check_ratio(ratio)
    fy, fx = np.fft.fftfreq(height)[:, None] * 2, np.fft.fftfreq(width)[None, :] * 2
    radius = np.hypot(fy, fx) / math.sqrt(2)
    draws = rng.uniform(size=(height, width))
    weight = (1 - radius) ** 4 + 1e-6
    score = np.log(draws) / weight  # the largest scores are kept
    score[radius <= math.sqrt(0.02 * 2 / math.pi)] = 1.0  # a disk of radius r covers pi r^2 / 2 of the square
    score = np.maximum(score, mirror(score))
    order = np.argsort(-score, axis=None, kind="stable")
    mask = np.zeros(height * width, dtype=bool)
    mask[order[: round(ratio * height * width)]] = True
    mask = mask.reshape(height, width)
    return mask | mirror(mask)


def mirror(array: np.ndarray) -> np.ndarray:
    """The array at frequency -k for each k, DC at [0, 0] of the last two axes."""
    return np.roll(np.flip(array, (-2, -1)), (1, 1), (-2, -1))


def _check_ratio(ratio: float) -> None:
    if not 0 < ratio <= 1:
        raise ValueError(f"the sampling ratio must lie in (0, 1], got {ratio}")
