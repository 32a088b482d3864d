"""Percentile bootstrap of a mean over images, with its own seed.

Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1), 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

RESAMPLES = 10_000
_BLOCK = 4_000_000  # entries drawn at once: 32 MB
_KEPT = 1_000_000  # entries up to which draws are kept for the next list of the same length: 8 MB


@dataclass(frozen=True, kw_only=True)
class Interval:
    """An interval for a mean: [low, high] at ``level``; NaN where fewer than two values exist."""

    low: float
    high: float
    level: float


def bootstrap_mean(
    values: Sequence[float] | np.ndarray, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0
) -> Interval:
    """Percentile interval of the mean of ``values`` (one per image; NaN entries are left out).

    The same values, seed and count of resamples give the same interval on every machine: the draws come from
    numpy's frozen ``RandomState``.  Raises ValueError for a level outside (0, 1) or no resamples.
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, got {level}")
    if resamples < 1:
        raise ValueError(f"resamples must be at least 1, got {resamples}")
    kept = np.asarray(values, np.float64).ravel()
    kept = kept[~np.isnan(kept)]
    if len(kept) < 2 or not np.isfinite(kept).all():
        return Interval(low=math.nan, high=math.nan, level=level)
    if resamples * len(kept) <= _KEPT:
        means = _counts(len(kept), resamples, seed) @ kept / len(kept)
    else:
        means = _means(kept, resamples, seed)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(low=float(low), high=float(high), level=level)


def _means(values: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    rng = np.random.RandomState(seed)
    means = np.empty(resamples)
    step = max(1, _BLOCK // len(values))
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        means[start:stop] = values[rng.randint(0, len(values), (stop - start, len(values)))].mean(1)
    return means


@lru_cache(maxsize=8)
def _counts(length: int, resamples: int, seed: int) -> np.ndarray:
    """How often each value occurs in each resample, (resamples, length): a report asks for many lists of one length."""
    drawn = np.random.RandomState(seed).randint(0, length, (resamples, length))
    flat = (drawn + length * np.arange(resamples)[:, None]).ravel()
    return np.bincount(flat, minlength=resamples * length).reshape(resamples, length).astype(np.float64)
