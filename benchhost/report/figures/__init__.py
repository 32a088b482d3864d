"""Figures for papers, PDF and PNG: quality against time and level, convergence, images, memory, ranks, image strips.

One look for all (:mod:`benchhost.report.figures.style`): text of at least 7 pt at print size, colours that colour-blind
readers can tell apart, and for every method the same colour in every figure of every run.
"""

from benchhost.report.figures.curves import convergence
from benchhost.report.figures.images import boxes, paired_dots
from benchhost.report.figures.levels import quality_level
from benchhost.report.figures.memory import memory_bars
from benchhost.report.figures.ranks import critical_difference_diagram
from benchhost.report.figures.scatter import quality_time
from benchhost.report.figures.strip import Tile, image_strip, read_artifact
from benchhost.report.figures.write import write

__all__ = [
    "Tile",
    "boxes",
    "convergence",
    "critical_difference_diagram",
    "image_strip",
    "memory_bars",
    "paired_dots",
    "quality_level",
    "quality_time",
    "read_artifact",
    "write",
]
