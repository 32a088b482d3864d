"""The paper's figure 2 as a table."""

import pytest
import torch
from benchhost_dip.impedance import fits


def picture(side=32):
    """A disc on a slope, in [0, 1]: (1, 1, H, W)."""
    rows, columns = torch.meshgrid(torch.linspace(-1, 1, side), torch.linspace(-1, 1, side), indexing="ij")
    return torch.where(rows**2 + columns**2 < 0.3, torch.tensor(0.8), 0.3 + 0.2 * columns)[None, None]


def test_the_table_of_fits_ranks_the_targets_as_the_paper_does():
    found = fits(picture(), [20, 60])
    assert list(found) == ["photograph", "with noise", "shuffled", "white noise"]
    assert found["photograph"][60] > found["with noise"][60] > max(found["shuffled"][60], found["white noise"][60])
    assert all(curve[60] > curve[20] for curve in found.values())
    with pytest.raises(ValueError, match="every 20 steps, not at 30"):
        fits(picture(), [30])
