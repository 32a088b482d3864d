"""Masks: what they keep, what they refuse, how they are identified."""

import numpy as np
import pytest
import torch

from benchhost.physics.diagonal import Identity, Mask

HALF = np.random.RandomState(0).rand(6, 5) < 0.5


def test_a_mask_zeroes_what_was_not_seen_and_leaks_no_sign():
    y = Mask((1, 6, 5), HALF).A(-torch.ones(1, 1, 6, 5))
    assert torch.equal(y[0, 0] != 0, torch.from_numpy(HALF))
    assert not torch.signbit(y[0, 0][~torch.from_numpy(HALF)]).any()


def test_one_mask_has_one_id_whether_given_once_or_by_channel():
    assert Mask((2, 6, 5), HALF).spec() == Mask((2, 6, 5), np.stack([HALF, HALF])).spec()
    assert Mask((2, 6, 5), HALF).spec_id != Mask((2, 6, 5), ~HALF).spec_id


@pytest.mark.parametrize(
    ("mask", "words"),
    [
        (np.ones((5, 6), bool), r"shape \(5, 6\) does not fit"),
        (np.ones((6, 5)), "array of bool, got float64"),
        (np.zeros((6, 5), bool), "keeps no pixel"),
    ],
)
def test_what_is_no_mask_is_refused(mask, words):
    with pytest.raises(ValueError, match=words):
        Mask((1, 6, 5), mask)


def test_identity_gives_copies_never_its_input():
    A, x = Identity((1, 2, 2)), torch.rand(1, 1, 2, 2)
    for call in (A.A, A.A_adjoint, A.A_dagger, A.baseline):
        assert call(x).data_ptr() != x.data_ptr()
