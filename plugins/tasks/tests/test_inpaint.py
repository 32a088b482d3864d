"""Inpainting: how many pixels are kept, where the box lies, and where noise may be."""

import numpy as np
import pytest
import torch

from benchhost.errors import UnsuitableImage


@pytest.mark.parametrize("keep", [0.5, 0.3, 0.1, 0.08])
def test_exactly_the_share_asked_for_is_kept_alike_in_all_channels(keep, pose, picture):
    posed = pose("inpaint", picture(41, 30, 3), keep=keep)
    mask = posed.physics.mask
    assert int(mask[0].sum()) == round(keep * 41 * 30)
    assert torch.equal(mask[0], mask[2])
    assert posed.notes["kept"] == pytest.approx(keep, abs=1e-3)


def test_kept_pixels_have_no_preferred_place(pose, picture):
    mask = pose("inpaint", picture(200, 200), keep=0.3).physics.mask[0]
    # 10,000 pixels a quadrant: three standard errors of the share are 0.014.
    for quadrant in (mask[:100, :100], mask[100:, :100], mask[:100, 100:], mask[100:, 100:]):
        assert float(quadrant.mean()) == pytest.approx(0.3, abs=0.014)


def test_a_box_in_the_centre_is_a_square_of_half_the_shorter_side(pose, picture):
    hidden = 1 - pose("inpaint", picture(40, 60), mask="box").physics.mask[0]
    assert hidden[10:30, 20:40].all()
    assert float(hidden.sum()) == 400


def test_a_box_at_random_moves_with_the_repeat_and_stays_inside(pose, picture):
    places = set()
    for repeat in range(8):
        hidden = 1 - pose("inpaint", picture(40, 60), mask="box", place="random", repeat=repeat).physics.mask[0]
        assert float(hidden.sum()) == 400
        places.add(tuple(hidden.nonzero()[0].tolist()))
    assert len(places) > 4


def test_noise_falls_on_observed_pixels_only(pose, picture):
    posed = pose("inpaint", picture(40, 40), sigma=20.0)
    hidden = posed.physics.mask == 0
    assert not posed.y[0][hidden].any()
    assert not torch.equal(posed.y, posed.physics.A(posed.truth))


def test_the_mask_does_not_depend_on_the_noise_level(pose, picture):
    first, second = (pose("inpaint", picture(40, 40), sigma=s).physics.spec_id for s in (0.0, 20.0))
    assert first == second


def test_an_image_of_which_nothing_is_left_is_refused(pose):
    with pytest.raises(UnsuitableImage, match=r"keep=0.1 leaves none of 4 pixels"):
        pose("inpaint", np.zeros((2, 2), np.uint8), keep=0.1)
