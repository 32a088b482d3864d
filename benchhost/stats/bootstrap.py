"""Percentile bootstrap of a mean over images, with its own seed.

Efron, "Bootstrap methods: another look at the jackknife", Annals of Statistics 7(1), 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

RESAMPLES = 10_000
_BLOCK = 4_000_000  # entries drawn at once: 32 MB


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
    rng = np.random.RandomState(seed)
    means = np.empty(resamples)
    step = max(1, _BLOCK // len(kept))
    for start in range(0, resamples, step):
        stop = min(start + step, resamples)
        means[start:stop] = kept[rng.randint(0, len(kept), (stop - start, len(kept)))].mean(1)
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return Interval(low=float(low), high=float(high), level=level)
