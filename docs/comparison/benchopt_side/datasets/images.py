"""One smooth picture of 64 x 64, shifted, of which a mask hides half of the pixels."""

import numpy as np
from benchopt import BaseDataset


class Dataset(BaseDataset):
    """Images by number."""

    name = "images"
    parameters = {"index": [0]}

    def get_data(self):
        """The masked image, which is A+ y of masking, and the truth."""
        wave = np.sin(2 * np.pi * np.arange(64) / 64)
        truth = np.roll(0.5 + 0.5 * wave[:, None] * wave[None, :], self.index)
        return {"y": np.where(np.random.RandomState(self.index).rand(64, 64) < 0.5, truth, 0), "truth": truth}
