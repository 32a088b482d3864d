"""The mixture of measurements that networks are trained on."""

import numpy as np
import pytest
import torch
from numpy.random import RandomState

from benchhost.training import mixture


def truth(size=32, count=2, seed=0):
    return torch.rand(count, 1, size, size, generator=torch.Generator().manual_seed(seed))


def test_operators_of_the_mixture_are_drawn_from_the_seed_alone():
    for name, maker in mixture.MAKERS.items():
        a, b, c = (mixture.measure(truth(), maker, seed) for seed in (4, 4, 5))
        assert torch.equal(a.y, b.y), name
        assert a.y.shape != c.y.shape or not torch.equal(a.y, c.y), name


def test_inpainting_noise_leaves_unseen_pixels_at_zero():
    m = mixture.measure(
        truth(), lambda size, r: mixture.Setup(physics=mixture.Mask((1, *size), r.rand(*size) < 0.5), sigma=0.1), 0
    )
    assert torch.equal(m.y[:, ~m.physics.mask.bool()], torch.zeros_like(m.y[:, ~m.physics.mask.bool()]))


def test_noise_of_ct_is_relative_to_the_largest_projection():
    m = mixture.measure(truth(64), lambda size, _: mixture.views(size, 30, 0.01), 0)
    clean = m.physics.A(m.truth)
    assert m.sigma == pytest.approx(0.01 * float(clean.max()))
    assert float((m.y - clean).std()) == pytest.approx(m.sigma, rel=0.05)


def test_block_sensing_of_the_mixture_is_the_task_s_operator():
    from benchhost.physics.block_cs import gaussian_rows

    setup = mixture.block_sensing((40, 40), block=33, rows=109, seed=0, scramble=None)
    assert setup.pad == (66, 66)
    x = torch.rand(1, 1, 66, 66)
    block = x[0, 0, :33, :33].reshape(-1).double().numpy()
    np.testing.assert_allclose(
        setup.physics.A(x)[0, 0, 0].numpy(), gaussian_rows(1089, 109, 0) @ block, rtol=1e-4, atol=1e-5
    )


def test_scrambled_sensing_has_a_new_permutation_for_every_draw():
    a, b = (mixture.scrambled((32, 32), 100, RandomState(s)).physics for s in (0, 1))
    x = torch.rand(1, 1, 32, 32)
    assert not torch.allclose(a.A(x), b.A(x))


def test_tasks_are_drawn_by_their_shares_and_sensing_by_its_share_of_blocks():
    rng = torch.Generator().manual_seed(0)
    drawn = [mixture.draw(truth(33, 1), rng, {"denoise": 1, "cs": 3, "ct": 0}, blocks=1.0) for _ in range(60)]
    kinds = [type(m.physics).__name__ for m in drawn]
    assert set(kinds) == {"Identity", "BlockCS"}
    assert 30 < kinds.count("BlockCS") < 58
    assert {m.physics.block for m in drawn if type(m.physics).__name__ == "BlockCS"} == {33}
    rng = torch.Generator().manual_seed(0)
    assert {mixture.draw(truth(33, 1), rng, {"cs": 1}, blocks=0.0).physics.block for _ in range(5)} == {32}


def test_several_coils_are_turned_and_their_noise_is_where_they_sample():
    def made(seed):
        return mixture.measure(truth(), lambda size, r: mixture.columns(size, 4, r, coils=4, sigma=0.1), seed)

    turned = [made(seed).physics.maps for seed in range(6)]
    assert len({maps.tobytes() for maps in turned}) > 1
    for maps in turned:
        np.testing.assert_allclose((abs(maps) ** 2).sum(0), 1)
    m = made(0)
    assert m.y.shape == (2, 2, 4, 32, 32)
    unsampled = torch.from_numpy(~m.physics.mask)
    assert bool(unsampled.any())
    assert not bool(m.y[..., unsampled].any())
    assert float((m.y - m.physics.A(m.truth))[..., ~unsampled].std()) == pytest.approx(0.1, rel=0.1)


def test_random_projections_have_orthonormal_rows_of_their_kind():
    for kind in ("gaussian", "binary"):
        matrix = mixture.projected((32, 32), kind, 0.25, RandomState(0)).physics._phi.double().numpy()
        assert matrix.shape == (256, 1024)
        np.testing.assert_allclose(matrix @ matrix.T, np.eye(256), atol=1e-5)
    assert set(np.abs(matrix).ravel().tolist()) == {1 / 32}
    other = mixture.projected((32, 32), "binary", 0.25, RandomState(1)).physics._phi.double().numpy()
    assert abs(matrix @ other.T).max() < 0.5  # other rows, not the same in another order
    fourier = mixture.projected((32, 32), "fourier", 0.25, RandomState(0)).physics
    assert fourier.mask[0, 0]
    assert fourier.mask.mean() == pytest.approx(0.25, abs=0.05)


def test_random_projections_never_measure_all_of_the_image():
    for seed in range(20):
        physics = mixture.measure(truth(), mixture.MAKERS["projections"], seed).physics
        seen = physics.mask.mean() if hasattr(physics, "mask") else physics.out_shape[-1] / 1024
        assert seen < 0.6
