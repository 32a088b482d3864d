"""Two methods on the same images: mean difference, bootstrap interval, Wilcoxon's signed-rank test, Holm's correction.

Wilcoxon, "Individual comparisons by ranking methods", Biometrics Bulletin 1(6), 1945; Holm, "A simple sequentially
rejective multiple test procedure", Scandinavian Journal of Statistics 6(2), 1979.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchhost.stats.bootstrap import RESAMPLES, Interval, bootstrap_mean

FEWEST = 6
"""Pairs below which nothing is tested: five pairs cannot reach p < 0.05 two-sided, whatever they say."""

MANY = 50
"""Pairs above which scipy approximates the test's distribution by a normal one."""

Values = Sequence[float] | np.ndarray


@dataclass(frozen=True, kw_only=True)
class Paired:
    """What the differences ``second - first`` say.

    n: pairs in which both have a value.
    delta: mean difference; NaN for no pairs.
    interval: bootstrap interval of the mean difference.
    p: two-sided signed-rank p-value; NaN for fewer than FEWEST pairs.
    """

    n: int
    delta: float
    interval: Interval
    p: float


def paired(first: Values, second: Values, *, level: float = 0.95, resamples: int = RESAMPLES, seed: int = 0) -> Paired:
    """Compare two methods on the same images, entry by entry; pairs with a NaN are left out.

    Raises ValueError for lists of different length.
    """
    d = differences(first, second)
    return Paired(
        n=len(d),
        delta=float(np.mean(d)) if len(d) else math.nan,
        interval=bootstrap_mean(d, level=level, resamples=resamples, seed=seed),
        p=signed_rank(d),
    )


def differences(first: Values, second: Values) -> np.ndarray:
    """``second - first`` where both are numbers; equal infinities differ by nothing."""
    a, b = np.asarray(first, np.float64).ravel(), np.asarray(second, np.float64).ravel()
    if len(a) != len(b):
        raise ValueError(f"pairs need two lists of one length, got {len(a)} and {len(b)}")
    kept = ~(np.isnan(a) | np.isnan(b))
    a, b = a[kept], b[kept]
    return np.subtract(b, a, out=np.zeros(len(a)), where=a != b)


def signed_rank(d: Values) -> float:
    """Two-sided p-value of Wilcoxon's signed-rank test; zero differences are dropped, as Wilcoxon did.

    Exact for up to 50 differences without ties, else the normal approximation with tie correction (scipy's choice).
    NaN for fewer than FEWEST differences; 1.0 where all of them are zero.
    """
    values = np.asarray(d, np.float64).ravel()
    if len(values) < FEWEST:
        return math.nan
    if not values.any():
        return 1.0
    from scipy.stats import wilcoxon

    ranks = np.sign(values) * _dense(np.abs(values))  # ranks alone matter; infinite differences would give NaN
    return float(wilcoxon(ranks, zero_method="wilcox", method="auto").pvalue)


def signed_ranks(first: np.ndarray, second: Values) -> list[float]:
    """:func:`signed_rank` of ``second`` against each column of ``first``: (images, methods) -> one p-value a method.

    Many images and no gap are one call of scipy for all columns: a table has thousands of comparisons.
    """
    whole = len(first) > MANY and not (np.isnan(first).any() or np.isnan(second).any())
    found = [differences(column, second) for column in first.T]
    moving = [n for n, d in enumerate(found) if d.any()]
    if not whole or not moving:
        return [signed_rank(d) for d in found]
    from scipy.stats import wilcoxon

    ranks = np.stack([np.sign(found[n]) * _dense(np.abs(found[n])) for n in moving])
    p = np.ones(len(found))
    p[moving] = wilcoxon(ranks, zero_method="wilcox", method="asymptotic", axis=1).pvalue
    return p.tolist()


def holm(p_values: Values) -> np.ndarray:
    """Holm's adjusted p-values of one family of tests; NaN entries were not tested, stay NaN and do not count."""
    p = np.asarray(p_values, np.float64).ravel()
    out = np.full(len(p), math.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    factors = np.arange(len(order), 0, -1)
    out[order] = np.minimum(np.maximum.accumulate(p[order] * factors), 1.0)
    return out


def _dense(values: np.ndarray) -> np.ndarray:
    """Ranks without gaps: 1 for the smallest positive value, equal values alike, 0 for zero."""
    known = np.unique(values[values > 0])
    return np.where(values > 0, np.searchsorted(known, values) + 1.0, 0.0)
