"""Coil sensitivities and image phase of MRI: simulated, or estimated from the central lines of k-space; numpy only."""

from __future__ import annotations

import math

import numpy as np

RING = 1.75  # distance of the simulated coils from the centre, in half widths: well outside the corners (sqrt 2)


def simulated_maps(coils: int, height: int, width: int) -> np.ndarray:
    """Smooth sensitivities of ``coils`` loops on a ring round the image: complex128 (coils, H, W), sum |S|^2 = 1.

    The magnitude falls off with the inverse distance from the loop, the phase turns with the direction to it: the
    far field of a small loop, the usual stand-in for measured maps.  Deterministic; one coil is 1 everywhere.
    """
    if coils < 1:
        raise ValueError(f"needs at least one coil, got {coils}")
    if coils == 1:
        return np.ones((1, height, width), dtype=np.complex128)
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    maps = np.empty((coils, height, width), dtype=np.complex128)
    for k in range(coils):
        angle = 2 * math.pi * k / coils
        dx, dy = x - RING * math.cos(angle), y - RING * math.sin(angle)
        maps[k] = np.exp(1j * (np.arctan2(dy, dx) - angle)) / np.hypot(dx, dy)
    return normalised(maps)


def estimate_maps(kspace: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Sensitivities from the fully sampled central lines: complex64, shaped like ``kspace`` (..., coils, H, W).

    Low-resolution coil images, from the central lines and as many central rows, divided by their root sum of squares,
    so that sum |S|^2 = 1 wherever there is any signal (Roemer et al., 1990).  No window is applied: then the
    low-resolution image explains the central lines exactly, and CG-SENSE with these maps stays stable (under a Hann
    window it diverges from the image after few steps).

    kspace: centred, complex.  columns: bool (W,), what was sampled; the run of lines through DC is used.
    """
    height = kspace.shape[-2]
    start, stop = central_run(columns)
    lines = stop - start
    if lines < 2:
        raise ValueError(f"coil maps need at least 2 fully sampled central lines, the mask has {lines}")
    top = max(0, height // 2 - lines // 2)
    bottom = min(height, top + lines)
    low = np.zeros_like(kspace, dtype=np.complex64)
    low[..., top:bottom, start:stop] = kspace[..., top:bottom, start:stop]
    axes = (-2, -1)
    images = np.fft.fftshift(np.fft.ifft2(np.fft.ifftshift(low, axes), norm="ortho"), axes)
    return normalised(images).astype(np.complex64)


def normalised(maps: np.ndarray) -> np.ndarray:
    """Divide by the root sum of squares over the coils, axis -3; where that is 0 the maps stay 0."""
    rss = np.sqrt(np.sum(np.abs(maps) ** 2, axis=-3, keepdims=True))
    return np.divide(maps, rss, out=np.zeros_like(maps), where=rss > 0)


def central_run(columns: np.ndarray) -> tuple[int, int]:
    """Start and stop of the run of sampled columns that holds DC (``width // 2``); (DC, DC) where DC is missing."""
    columns = np.asarray(columns, dtype=bool)
    start = stop = len(columns) // 2
    while start > 0 and columns[start - 1] and columns[len(columns) // 2]:
        start -= 1
    while stop < len(columns) and columns[stop]:
        stop += 1
    return start, stop


def smooth_phase(height: int, width: int, rng: np.random.RandomState) -> np.ndarray:
    """A slowly varying phase in radians, float64 (H, W): an offset, a tilt and a few low spatial frequencies.

    It stands for field inhomogeneity and receiver delay, without which a magnitude image would have conjugate-symmetric
    k-space, and half of it could be had for nothing.
    """
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    offset = rng.uniform(-math.pi, math.pi)
    tilt_y, tilt_x = rng.uniform(-0.5 * math.pi, 0.5 * math.pi, size=2)
    phase = offset + tilt_y * y + tilt_x * x
    for ky, kx in ((1, 0), (0, 1), (1, 1), (2, 0), (0, 2)):
        weight, shift = rng.uniform(-0.6, 0.6), rng.uniform(0, 2 * math.pi)
        phase += weight * np.cos(0.5 * math.pi * (ky * y + kx * x) + shift)
    return phase
