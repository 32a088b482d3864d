"""JPEG as tensor arithmetic against the codec."""

import numpy as np
import pytest
import torch
from skimage import data

from benchhost.physics.jpeg import Jpeg
from benchhost.training.jpeg import compress


def patches():
    """Photographs in 8 bits, (6, 1, 64, 48)."""
    camera = data.camera()
    cuts = [camera[top : top + 64, left : left + 48] for top in (40, 200, 400) for left in (100, 300)]
    return torch.from_numpy(np.stack(cuts)[:, None]).float() / 255


@pytest.mark.parametrize("quality", [10, 23, 40, 90])
def test_patches_are_compressed_as_the_codec_does(quality):
    x = patches()
    found, expected = compress(x, torch.full((len(x),), quality)), Jpeg((1, 64, 48), quality).A(x)
    difference = (255 * (found - expected)).round().abs()
    # A block comes out otherwise only where a coefficient lies between two steps, to the codec's integer precision.
    assert (difference > 2).float().mean() < 0.03
    assert (difference > 0).float().mean() < (0.08 if quality <= 40 else 0.25)
    errors = [(y - x).square().mean().log10() for y in (found, expected)]
    assert 10 * abs(errors[0] - errors[1]) < 0.02  # dB


def test_every_patch_has_its_own_quality():
    x = patches()[:2]
    both = compress(x, torch.tensor([10, 40]))
    assert torch.equal(both[:1], compress(x[:1], torch.tensor([10])))
    assert torch.equal(both[1:], compress(x[1:], torch.tensor([40])))
    assert not torch.equal(both[:1], compress(x[:1], torch.tensor([11])))


def test_the_result_is_on_the_grid_of_levels_within_range():
    noisy = patches() + 0.4 * torch.randn(6, 1, 64, 48, generator=torch.Generator().manual_seed(0))
    y = compress(noisy, torch.full((6,), 30))
    torch.testing.assert_close(255 * y, (255 * y).round(), rtol=0, atol=1e-4)
    assert (float(y.min()), float(y.max())) == (0.0, 1.0)


def test_patches_of_partial_blocks_are_refused():
    with pytest.raises(ValueError, match="patches of 20x16 pixels do not divide"):
        compress(torch.zeros(1, 1, 20, 16), torch.tensor([10]))
