"""Many methods over many blocks: Friedman's test, and Nemenyi's critical difference of mean ranks.

Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7, 2006.  A block is one task level on
one data set; methods are ranked within it, 1 for the best.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

FEWEST_BLOCKS = 6
"""Blocks below which no critical difference is given: the statistic's distribution is far from its limit."""


@dataclass(frozen=True, kw_only=True)
class Friedman:
    """Friedman's statistic, its chi-square p-value (k - 1 degrees of freedom) and the mean rank of each method."""

    statistic: float
    p: float
    ranks: np.ndarray


def ranked(scores: np.ndarray) -> np.ndarray:
    """Ranks within each row of (blocks, methods), 1 for the largest score; equal scores share their mean rank.

    Raises ValueError for NaN: a method without a value in a block has no rank there.
    """
    values = np.asarray(scores, np.float64)
    if values.ndim != 2 or np.isnan(values).any():
        raise ValueError(f"ranks need a complete table (blocks, methods), got shape {values.shape} or missing values")
    larger = (values[:, None, :] > values[:, :, None]).sum(-1)  # (blocks, methods)
    equal = (values[:, None, :] == values[:, :, None]).sum(-1)
    return larger + (equal + 1) / 2


def friedman(scores: np.ndarray) -> Friedman:
    """Friedman's test of (blocks, methods), corrected for ties; p is NaN for fewer than 3 methods or 2 blocks."""
    ranks = ranked(scores)
    n, k = ranks.shape
    mean = ranks.mean(0) if n else np.full(k, math.nan)
    if n < 2 or k < 3:
        return Friedman(statistic=math.nan, p=math.nan, ranks=mean)
    within = (np.square(ranks).sum() - n * k * ((k + 1) / 2) ** 2) / (n * (k - 1))  # k (k + 1) / 12 without ties
    if within == 0:
        return Friedman(statistic=0.0, p=1.0, ranks=mean)
    statistic = n * np.square(mean - (k + 1) / 2).sum() / within
    from scipy.special import chdtrc

    return Friedman(statistic=float(statistic), p=float(chdtrc(k - 1, statistic)), ranks=mean)


def critical_difference(methods: int, blocks: int, *, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference of two mean ranks: q(alpha, k) sqrt(k (k + 1) / (6 n))."""
    if methods < 2 or blocks < 1:
        raise ValueError(f"a critical difference needs 2 methods and a block, got {methods} and {blocks}")
    from scipy.stats import studentized_range

    q = float(studentized_range.ppf(1 - alpha, methods, np.inf)) / math.sqrt(2)
    return q * math.sqrt(methods * (methods + 1) / (6 * blocks))


def nemenyi(ranks: Sequence[float] | np.ndarray, blocks: int) -> np.ndarray:
    """Nemenyi's p-value for every pair of mean ranks over ``blocks`` blocks: (methods, methods), diagonal 1."""
    from scipy.stats import studentized_range

    mean = np.asarray(ranks, np.float64)
    k = len(mean)
    q = np.abs(mean[:, None] - mean) / math.sqrt(k * (k + 1) / (6 * blocks)) * math.sqrt(2)
    p = np.minimum(studentized_range.sf(q, k, np.inf), 1.0)
    np.fill_diagonal(p, 1.0)
    return p


def cliques(ranks: Sequence[float] | np.ndarray, difference: float) -> list[list[int]]:
    """Largest groups of two or more methods whose mean ranks lie within ``difference``; indices, best rank first."""
    order = np.argsort(ranks, kind="stable")
    mean = np.asarray(ranks, np.float64)[order]
    found: list[list[int]] = []
    last = -1
    for start in range(len(mean)):
        stop = int(np.searchsorted(mean, mean[start] + difference, side="right")) - 1
        if stop > start and stop > last:
            found.append([int(n) for n in order[start : stop + 1]])
            last = stop
    return found
