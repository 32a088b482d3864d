"""The trainer: from a plugin's network and loss, and a training dataset, to a file of weights with its card."""

from benchhost.training.settings import Goal, Settings
from benchhost.training.trainable import Trainable

__all__ = ["Goal", "Settings", "Trainable"]
