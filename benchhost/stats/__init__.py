"""Statistics over images: descriptions, seeded bootstrap intervals, paired tests, ranks over blocks.

The unit is the image.  Comparisons between methods are made on per-image differences at equal task, dataset and
repeat; comparisons over many task levels and data sets on the ranks within each.
"""

from benchhost.stats.bootstrap import Interval, bootstrap_mean
from benchhost.stats.describe import Description, describe
from benchhost.stats.paired import FEWEST, Paired, differences, holm, paired, signed_rank, signed_ranks
from benchhost.stats.ranks import (
    FEWEST_BLOCKS,
    Friedman,
    cliques,
    critical_difference,
    friedman,
    nemenyi,
    ranked,
)

__all__ = [
    "FEWEST",
    "FEWEST_BLOCKS",
    "Description",
    "Friedman",
    "Interval",
    "Paired",
    "bootstrap_mean",
    "cliques",
    "critical_difference",
    "describe",
    "differences",
    "friedman",
    "holm",
    "nemenyi",
    "paired",
    "ranked",
    "signed_rank",
    "signed_ranks",
]
