"""The data term counts what was measured, through A only."""

import numpy as np
import pytest
import torch
from benchhost_dip.data_term import DataTerm
from torch import Generator

from benchhost.physics.block_cs import BlockCS, gaussian_rows, sensing
from benchhost.physics.diagonal import Identity, Mask
from benchhost.physics.fourier import SingleCoilFourier
from benchhost.physics.jpeg import Jpeg
from benchhost.physics.radon import Radon
from benchhost.physics.strips import ParallelBeam


def term(physics, y, holdout=0.0, seed=0):
    return DataTerm(physics, y, holdout=holdout, rng=Generator().manual_seed(seed))


def half_mask(height=16, width=20):
    return np.random.RandomState(0).rand(height, width) < 0.5


def test_masked_pixels_carry_no_weight():
    mask = half_mask()
    physics = Mask((3, 16, 20), mask)
    x = torch.rand(1, 3, 16, 20, generator=Generator().manual_seed(0))
    y = physics.A(torch.zeros_like(x))
    data = term(physics, y)
    assert data.measured == 3 * mask.sum()
    expected = x.square()[..., torch.from_numpy(mask)].mean()
    torch.testing.assert_close(data.residuals(x).loss, expected)


def test_only_sampled_k_space_is_counted():
    columns = np.arange(12) % 3 == 0
    physics = SingleCoilFourier(columns, (10, 12))
    data = term(physics, torch.zeros(1, 2, 10, 12))
    assert data.measured == 2 * 10 * columns.sum()


def test_the_gradient_is_that_of_the_operator():
    physics = BlockCS((1, 16, 16), 8, sensing(gaussian_rows(64, 16)))
    rng = Generator().manual_seed(0)
    x = torch.rand(1, 1, 16, 16, generator=rng).requires_grad_()
    y = torch.rand(1, *physics.out_shape, generator=rng)
    term(physics, y).residuals(x).loss.backward()
    expected = 2 * physics.gradient(x.detach(), y) / y.numel()
    torch.testing.assert_close(x.grad, expected)


def test_held_out_entries_are_not_fitted_and_no_entry_is_lost():
    physics = Identity((1, 40, 40))
    rng = Generator().manual_seed(0)
    x = torch.rand(1, 1, 40, 40, generator=rng).requires_grad_()
    y = torch.rand(1, 1, 40, 40, generator=rng)
    data = term(physics, y, holdout=0.1)
    fitted, _, hidden = data.residuals(x)
    fitted.backward()
    held = x.grad == 0
    assert 0.06 < held.float().mean() < 0.14  # 1600 draws at 0.1: five standard deviations
    squares = (x - y).detach().square()
    assert hidden == pytest.approx(float(squares[held].mean()), rel=1e-5)
    torch.testing.assert_close(fitted.detach(), squares[~held].mean())


def test_both_parts_of_a_complex_sample_are_held_out_together():
    physics = SingleCoilFourier(np.ones(16, bool), (16, 16))
    data = term(physics, torch.zeros(1, 2, 16, 16), holdout=0.2)
    assert torch.equal(data._hidden[:, 0] > 0, data._hidden[:, 1] > 0)
    assert (data._hidden > 0).any()


def test_jpeg_is_fitted_as_the_decoded_image():
    physics = Jpeg((1, 16, 16), 20)
    x = torch.rand(1, 1, 16, 16, generator=Generator().manual_seed(0))
    y = physics.A(x)
    fitted = term(physics, y).residuals(x).loss
    torch.testing.assert_close(fitted, (x - y).square().mean())


def test_an_operator_that_sees_nothing_is_refused():
    class Blind(Identity):
        def _A(self, x):
            return torch.zeros_like(x)

    with pytest.raises(ValueError, match="measures nothing"):
        term(Blind((1, 8, 8)), torch.zeros(1, 1, 8, 8))


def test_the_filtered_residual_is_the_filtered_back_projection_of_the_residual():
    physics = Radon(ParallelBeam(height=16, width=16, angles=tuple(np.arange(12) * np.pi / 12), bins=24))
    rng = Generator().manual_seed(0)
    x = torch.rand(1, 1, 16, 16, generator=rng).requires_grad_()
    y = physics.A(torch.rand(1, 1, 16, 16, generator=rng))
    data = DataTerm(physics, y, holdout=0.0, rng=rng, filtered=True)
    loss, fitted, _ = data.residuals(x)
    torch.testing.assert_close(loss, physics.fbp(physics.A(x) - y).square().mean())
    assert fitted == pytest.approx(
        float((physics.A(x.detach()) - y).square().mean()), rel=0.5
    )  # but for rays past the image
    loss.backward()
    assert x.grad.abs().max() > 0


def test_the_weight_of_smoothing_is_sigma_for_denoising():
    assert term(Identity((1, 24, 24)), torch.zeros(1, 1, 24, 24)).smoothing(0.1, 1.0) == pytest.approx(0.1, rel=0.1)


@pytest.mark.parametrize("filtered", [False, True])
def test_smoothing_follows_the_units_of_the_measurement(filtered):
    def weight(unit):
        class Scaled(Identity):
            def _A(self, x):
                return unit * x

            def _baseline(self, y):
                return y / unit

        data = DataTerm(
            Scaled((1, 24, 24)), torch.zeros(1, 1, 24, 24), holdout=0, rng=Generator().manual_seed(0), filtered=filtered
        )
        return data.smoothing(0.1 * unit, 1.0)

    # The loss is in units of y squared, or of x squared where it is filtered back.
    assert weight(10.0) == pytest.approx(weight(1.0) * (1 if filtered else 100), rel=1e-4)
