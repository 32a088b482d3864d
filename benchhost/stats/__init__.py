"""Statistics over images: descriptions and seeded bootstrap intervals.

The unit is the image.  Comparisons between methods are made on per-image differences at equal task, dataset and
repeat, so an interval for a difference is :func:`bootstrap_mean` of those differences.
"""

from benchhost.stats.bootstrap import Interval, bootstrap_mean
from benchhost.stats.describe import Description, describe

__all__ = ["Description", "Interval", "bootstrap_mean", "describe"]
