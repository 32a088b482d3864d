"""Mean, spread and quartiles of one value per image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, kw_only=True)
class Description:
    """What a set of values looks like; NaN where too few values define it.

    n: values that are not NaN.
    sd: sample standard deviation (n - 1), NaN for n < 2 and where a value is infinite.
    q1, q3: quartiles by linear interpolation; ``iqr`` is their distance.
    """

    n: int
    mean: float
    sd: float
    median: float
    q1: float
    q3: float

    @property
    def iqr(self) -> float:
        """Distance of the quartiles."""
        return self.q3 - self.q1


def describe(values: Sequence[float] | np.ndarray) -> Description:
    """Describe ``values``; NaN entries (failed cells) are left out and show in ``n``."""
    kept = np.asarray(values, np.float64).ravel()
    kept = kept[~np.isnan(kept)]
    if not len(kept):
        return Description(n=0, mean=math.nan, sd=math.nan, median=math.nan, q1=math.nan, q3=math.nan)
    q1, median, q3 = _quantiles(kept)
    sd = float(np.std(kept, ddof=1)) if len(kept) > 1 and np.isfinite(kept).all() else math.nan
    return Description(n=len(kept), mean=float(np.mean(kept)), sd=sd, median=median, q1=q1, q3=q3)


def _quantiles(values: np.ndarray) -> tuple[float, float, float]:
    """Quartiles that stay defined with infinite values: interpolation between equal infinities is that infinity."""
    ordered = np.sort(values)

    def at(share: float) -> float:
        place = share * (len(ordered) - 1)
        low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
        return float(low) if low == high else float(low + (place - math.floor(place)) * (high - low))

    return at(0.25), at(0.5), at(0.75)
