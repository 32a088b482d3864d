"""Datasets: cards that say what and where, fetching that verifies, readers, lineage.  Nothing here imports torch."""

from benchhost.data.cards import load_card
from benchhost.data.folders import folder_dataset
from benchhost.data.places import locate
from benchhost.data.reading import read_item

__all__ = ["folder_dataset", "load_card", "locate", "read_item"]
