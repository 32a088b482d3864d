"""Synthetic objects for MRI and CT: Shepp-Logan, seeded ellipse phantoms and a disk, bit for bit the same anywhere."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from benchhost.errors import unknown

# value, half axes a (along x) and b (along y), centre x and y, rotation in degrees; the square is [-1, 1]^2, y up.
# The contrasts are those of P. Toft, "The Radon Transform", PhD thesis, DTU 1996 ("modified" Shepp-Logan).
Ellipse = tuple[float, float, float, float, float, float]
SHEPP_LOGAN: tuple[Ellipse, ...] = (
    (1.0, 0.69, 0.92, 0.0, 0.0, 0.0),
    (-0.8, 0.6624, 0.874, 0.0, -0.0184, 0.0),
    (-0.2, 0.11, 0.31, 0.22, 0.0, -18.0),
    (-0.2, 0.16, 0.41, -0.22, 0.0, 18.0),
    (0.1, 0.21, 0.25, 0.0, 0.35, 0.0),
    (0.1, 0.046, 0.046, 0.0, 0.1, 0.0),
    (0.1, 0.046, 0.046, 0.0, -0.1, 0.0),
    (0.1, 0.046, 0.023, -0.08, -0.605, 0.0),
    (0.1, 0.023, 0.023, 0.0, -0.606, 0.0),
    (0.1, 0.023, 0.046, 0.06, -0.605, 0.0),
)
SUBSAMPLES = 4  # a pixel is the mean of 4 x 4 points: partial volume, as a scanner has it
LEVELS = 4096  # values are multiples of 1 / 4096 (12 bits), so that the last bit of a libm cosine cannot show


def phantom(kind: str, size: int, seed: int = 0) -> np.ndarray:
    """A phantom by name: float32 (size, size) in [0, 1].

    kind: "shepp-logan" (peak 1; the seed is not used), "ellipses-mri" (a head: bright scalp, dark skull, structures
        under a smooth coil shading; peak 1), "ellipses-ct" (a body section: 0 is air, 0.5 water, 1 dense bone, so that
        Hounsfield units are ``2000 v - 1000``), "disk" (radius 0.315 of the width, value 1; the seed is not used).
    """
    if kind not in _KINDS:
        raise unknown("phantom", kind, _KINDS)
    if size < 8:
        raise ValueError(f"phantom '{kind}' needs a size of at least 8 pixels, got {size}")
    values = np.clip(_KINDS[kind](size, np.random.RandomState(seed)), 0.0, 1.0)
    return (np.round(values * LEVELS) / LEVELS).astype(np.float32)


def draw(ellipses: tuple[Ellipse, ...] | list[Ellipse], size: int, *, subsamples: int = SUBSAMPLES) -> np.ndarray:
    """Sum of ellipses on [-1, 1]^2, a pixel the mean of ``subsamples``^2 points: float64 (size, size); row 0 on top."""
    n = size * subsamples
    axis = (np.arange(n) + 0.5) * (2.0 / n) - 1.0
    image = np.zeros((size, size))
    for value, a, b, x0, y0, degrees in ellipses:
        c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        x, y = axis[None, :] - x0, -axis[:, None] - y0
        inside = ((x * c + y * s) / a) ** 2 + ((y * c - x * s) / b) ** 2 <= 1.0
        image += value * inside.reshape(size, subsamples, size, subsamples).mean(axis=(1, 3))
    return image


def _shepp_logan(size: int, rng: np.random.RandomState) -> np.ndarray:
    return draw(SHEPP_LOGAN, size)


def _disk(size: int, rng: np.random.RandomState) -> np.ndarray:
    return draw([(1.0, 0.63, 0.63, 0.0, 0.0, 0.0)], size)


def _ellipses_mri(size: int, rng: np.random.RandomState) -> np.ndarray:
    a, b, tilt = rng.uniform(0.62, 0.72), rng.uniform(0.8, 0.92), rng.uniform(-10, 10)
    shells = [
        (rng.uniform(0.75, 0.95), a, b, 0.0, 0.0, tilt),
        (-0.65, a - 0.05, b - 0.05, 0.0, 0.0, tilt),
        (rng.uniform(0.25, 0.4), a - 0.09, b - 0.09, 0.0, 0.0, tilt),
    ]
    structures = _scatter(rng, rng.randint(18, 28), reach=(a - 0.15, b - 0.15), sizes=(0.02, 0.2), values=(-0.2, 0.3))
    image = np.clip(draw(shells + structures, size), 0.0, None)
    return _shade(image, rng)


def _shade(image: np.ndarray, rng: np.random.RandomState) -> np.ndarray:
    """Multiply by a smooth field within 15 % of 1 and bring the peak to 1."""
    axis = (np.arange(len(image)) + 0.5) / len(image)
    field = np.zeros_like(image)
    for kx, ky in ((1, 0), (0, 1), (1, 1), (2, 1), (1, 2)):
        px, py = rng.uniform(0, 2 * math.pi, size=2)
        weight = rng.uniform(-0.03, 0.03)
        field += weight * np.cos(math.pi * kx * axis + px)[None, :] * np.cos(math.pi * ky * axis + py)[:, None]
    shaded = image * (1.0 + field)
    return shaded / shaded.max()


def _ellipses_ct(size: int, rng: np.random.RandomState) -> np.ndarray:
    a, b, tilt = rng.uniform(0.75, 0.9), rng.uniform(0.6, 0.75), rng.uniform(-8, 8)
    body = [(rng.uniform(0.47, 0.53), a, b, 0.0, 0.0, tilt)]
    lungs = []
    for side in (-1, 1):
        height = rng.uniform(0.3, 0.4)
        lungs.append((-0.4, rng.uniform(0.18, 0.24), height, side * a * 0.5, 0.05, rng.uniform(-12, 12)))
    spine = [(rng.uniform(0.2, 0.35), 0.1, 0.09, 0.0, -b * 0.66, 0.0), (-0.15, 0.035, 0.035, 0.0, -b * 0.66, 0.0)]
    ribs = []
    for angle in np.linspace(0, 2 * math.pi, 10, endpoint=False) + rng.uniform(0, 0.6):
        x, y = 0.9 * a * math.cos(angle), 0.9 * b * math.sin(angle)
        ribs.append((rng.uniform(0.2, 0.4), 0.05, 0.02, x, y, math.degrees(angle) + 90))
    organs = _scatter(rng, rng.randint(14, 24), reach=(a * 0.85, b * 0.85), sizes=(0.015, 0.15), values=(-0.06, 0.08))
    return draw(body + lungs + spine + ribs + organs, size)


def _scatter(
    rng: np.random.RandomState,
    count: int,
    *,
    reach: tuple[float, float],
    sizes: tuple[float, float],
    values: tuple[float, float],
) -> list[Ellipse]:
    """``count`` ellipses whose extent stays inside the centred ellipse with half axes ``reach``."""
    found = []
    for _ in range(count):
        a, b = rng.uniform(*sizes, size=2)
        room = 1.0 - max(a, b) / min(reach)
        radius, angle = room * math.sqrt(rng.uniform()), rng.uniform(0, 2 * math.pi)
        x, y = radius * reach[0] * math.cos(angle), radius * reach[1] * math.sin(angle)
        found.append((rng.uniform(*values), a, b, x, y, rng.uniform(0, 180)))
    return found


_KINDS: dict[str, Callable[[int, np.random.RandomState], np.ndarray]] = {
    "shepp-logan": _shepp_logan,
    "ellipses-mri": _ellipses_mri,
    "ellipses-ct": _ellipses_ct,
    "disk": _disk,
}
