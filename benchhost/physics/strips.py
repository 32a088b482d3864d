"""Exact parallel-beam system matrix: the area that a pixel shares with the strip seen by a detector bin.

A pixel's shadow on the detector is a trapezoid, whose integral over a bin has a closed form; so a pixel of area 1
gives 1 in all to each view (times 1 / det_pitch), and no ray can slip between pixels or run along an edge.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from scipy.sparse import csr_array

NEGLIGIBLE = 1e-9  # of a pixel's area: rounding of touching edges, not overlap


@dataclass(frozen=True, kw_only=True)
class ParallelBeam:
    """Geometry of a parallel-beam scan; lengths in pixels of the image that is reconstructed.

    height, width: the grid; row 0 on top, centre of rotation in the middle.
    angles: of the detector axis, radians, anticlockwise from the image's x axis.
    bins, det_pitch: number and width of the detector bins; the detector is centred.
    pixel: side of a (square) pixel; other than 1 for a finer grid over the same object.
    """

    height: int
    width: int
    angles: tuple[float, ...]
    bins: int
    det_pitch: float = 1.0
    pixel: float = 1.0


def scan_angles(views: int, *, convention: str = "linspace", arc: float = 180.0) -> tuple[float, ...]:
    """Angles of ``views`` views over ``arc`` degrees, in radians.

    "linspace": k arc / V.  "centred": (k + 1/2) arc / V, as ODL and dival place them.  "lodopab": every (1000 / V)-th
    of the 1000 centred angles of LoDoPaB-CT, V a divisor of 1000.
    """
    arc = math.radians(arc)
    if convention == "linspace":
        return tuple(k * arc / views for k in range(views))
    if convention == "centred":
        return tuple((k + 0.5) * arc / views for k in range(views))
    if convention != "lodopab":
        raise ValueError(f"the angles' convention is linspace, centred or lodopab, not {convention!r}")
    if 1000 % views:
        near = min((v for v in range(1, 1001) if 1000 % v == 0), key=lambda v: abs(v - views))
        raise ValueError(f"LoDoPaB's 1000 views cannot be thinned to {views}: take a divisor of 1000, such as {near}")
    return tuple((k * (1000 // views) + 0.5) * arc / 1000 for k in range(views))


def diagonal_bins(height: int, width: int) -> int:
    """Bins of one pixel that see the whole grid from every side: ceil of its diagonal."""
    return math.ceil(math.hypot(height, width))


@lru_cache(maxsize=2)  # that of 512^2 x 60 has 36 M entries: 290 MB
def transposed_matrix(geometry: ParallelBeam, dtype: str = "float32") -> csr_array:
    """A^T as CSR, (pixels, views * bins).  Shared between calls: do not write to it.

    The transpose is the one to keep: it is built in order, and scipy applies it both ways at about the speed of CSR
    (its ``.T`` is CSC; scattering a pixel into few bins is as quick as gathering, quicker for batches).
    """
    return _transposed(geometry, np.dtype(dtype))


@lru_cache(maxsize=32)
def norm_bounds(geometry: ParallelBeam) -> tuple[float, float]:
    """Lower and upper bound of the spectral norm of A, less than 1e-4 apart.

    Power iteration on B = A^T A from the image that is 1 everywhere.  B has no negative entry, so for any positive v
    the largest ratio (B v)_i / v_i bounds its spectral radius (Collatz and Wielandt), and |B v| / |v| does from below.
    """
    transposed = transposed_matrix(geometry)
    forward = transposed.T
    v = np.ones(transposed.shape[0], dtype=np.float32)
    for _ in range(1000):
        w = transposed @ (forward @ v)
        lower = float(np.linalg.norm(w) / np.linalg.norm(v)) ** 0.5
        upper = float(np.max(w[v > 0] / v[v > 0])) ** 0.5
        if upper <= lower * (1 + 5e-5):
            break
        v = w / w.max()
    return lower * (1 - 2e-6), upper * (1 + 2e-6)  # float32 sums of up to a few thousand terms


def project(image: np.ndarray, geometry: ParallelBeam) -> np.ndarray:
    """A x without storing the matrix, for grids too fine to keep: float64 (H, W) -> (views, bins)."""
    values = np.asarray(image, dtype=np.float64)
    sinogram = np.zeros((len(geometry.angles), geometry.bins))
    for rows in _row_blocks(geometry):
        part = values[rows].ravel()
        for k, (first, weights) in enumerate(_footprints(geometry, rows)):
            for j in range(weights.shape[1]):
                hit = first + j
                seen = (hit >= 0) & (hit < geometry.bins)
                sinogram[k] += np.bincount(hit[seen], (weights[:, j] * part)[seen], minlength=geometry.bins)
    return sinogram


def _transposed(geometry: ParallelBeam, dtype: np.dtype) -> csr_array:
    """Rows are pixels: within one the entries come view by view and bin by bin, so CSR needs no sorting."""
    views, bins = len(geometry.angles), geometry.bins
    reach = max(_bins_touched(geometry, angle) for angle in geometry.angles)
    counts, columns, data = [], [], []
    for rows in _row_blocks(geometry):
        pixels = len(rows) * geometry.width
        block_columns = np.zeros((pixels, views, reach), dtype=np.int32)
        block = np.zeros((pixels, views, reach), dtype=dtype)
        for k, (first, weights) in enumerate(_footprints(geometry, rows)):
            for j in range(weights.shape[1]):
                hit = first + j
                seen = (hit >= 0) & (hit < bins) & (weights[:, j] > NEGLIGIBLE * geometry.pixel**2)
                block_columns[:, k, j] = k * bins + hit
                block[:, k, j] = np.where(seen, weights[:, j], 0)
        kept = block > 0
        counts.append(kept.reshape(pixels, -1).sum(1))
        columns.append(block_columns[kept])
        data.append(block[kept])
    indptr = np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int32)
    shape = (geometry.height * geometry.width, views * bins)
    return csr_array((np.concatenate(data), np.concatenate(columns), indptr), shape=shape)


def _row_blocks(geometry: ParallelBeam) -> Iterator[np.ndarray]:
    """Rows of the grid in blocks of about 8000 pixels, which stay in the processor's cache."""
    return iter(np.array_split(np.arange(geometry.height), max(1, geometry.height * geometry.width // 8000)))


def _footprints(geometry: ParallelBeam, rows: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Per view: the first bin each pixel of ``rows`` touches (pixels,), and its weights in that bin and the next."""
    side, pitch, bins = geometry.pixel, geometry.det_pitch, geometry.bins
    x = (np.arange(geometry.width) - (geometry.width - 1) / 2) * side
    y = -(rows - (geometry.height - 1) / 2) * side
    for angle in geometry.angles:
        c, s = math.cos(angle), math.sin(angle)
        # Half widths of the trapezoid's base and top: the shadow of a box is that of its two sides convolved.
        base, top = 0.5 * side * (abs(c) + abs(s)), 0.5 * side * abs(abs(c) - abs(s))
        centre = (x[None, :] * c + y[:, None] * s).ravel()
        first = np.floor((centre - base) / pitch + bins / 2).astype(np.int64)
        edges = ((first - bins / 2) * pitch - centre)[:, None] + pitch * np.arange(_bins_touched(geometry, angle) + 1)
        yield first, np.diff(_shadow(edges, base, top), axis=1) * (side**2 / pitch)


def _bins_touched(geometry: ParallelBeam, angle: float) -> int:
    base = 0.5 * geometry.pixel * (abs(math.cos(angle)) + abs(math.sin(angle)))
    return math.ceil(2 * base / geometry.det_pitch) + 1


def _shadow(t: np.ndarray, base: float, top: float) -> np.ndarray:
    """Share of a pixel's shadow left of ``t``: integral of the unit-area trapezoid of half widths base >= top."""
    height, slope = 1.0 / (base + top), base - top
    t = np.clip(t, -base, base)
    if slope < 1e-9 * base:
        return (t + base) * height
    ramp = np.minimum(base - np.abs(t), slope)  # distance into the outer ramp, from either side
    tail = 0.5 * height * ramp * ramp / slope
    flat = height * np.maximum(top - np.abs(t), 0)
    return np.where(t < 0, tail + flat, 1.0 - (tail + flat))
