"""CGLS and the CG prox: fixed counts, per-sample scalars, the right limits."""

import numpy as np
import pytest
import torch

from benchhost.physics.solvers import cgls, prox_cg, prox_iterations

rng = torch.Generator().manual_seed(0)
MATRIX = torch.randn(12, 20, generator=rng, dtype=torch.float64)
MATRIX /= torch.linalg.matrix_norm(MATRIX, 2)


def forward(x):
    return (x.flatten(1) @ MATRIX.T).reshape(-1, 12, 1)


def adjoint(y):
    return (y.flatten(1) @ MATRIX).reshape(-1, 5, 4)


def test_cgls_ends_at_the_pseudo_inverse():
    y = torch.randn(3, 12, 1, dtype=torch.float64, generator=rng)
    # In exact arithmetic as many steps as rows; rounding costs a few more.
    x = cgls(forward, adjoint, y, iterations=40)
    torch.testing.assert_close(x.flatten(1), y.flatten(1) @ torch.linalg.pinv(MATRIX).T, rtol=1e-8, atol=1e-8)


def test_cgls_of_zero_data_is_zero_and_finite():
    assert not cgls(forward, adjoint, torch.zeros(2, 12, 1, dtype=torch.float64), iterations=5).any()


@pytest.mark.parametrize("tau", [0.01, 1.0, 300.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_the_count_suffices_for_the_precision(tau, dtype):
    z = torch.randn(2, 5, 4, dtype=torch.float64, generator=rng)
    y = torch.randn(2, 12, 1, dtype=torch.float64, generator=rng)
    t = torch.full((1, 1, 1), tau, dtype=torch.float64)
    count = prox_iterations(t, 1.0, dtype=dtype)
    x = prox_cg(forward, adjoint, z, y, t, iterations=count)
    left = torch.eye(20, dtype=torch.float64) + tau * MATRIX.T @ MATRIX
    exact = torch.linalg.solve(left, (z.flatten(1) + tau * y.flatten(1) @ MATRIX).T).T
    error = float((x.flatten(1) - exact).norm() / exact.norm())
    assert error <= (1e-7 if dtype == torch.float32 else 1e-12)


def test_a_weak_prox_costs_few_products_and_a_strong_one_more():
    counts = prox_iterations(torch.tensor([1e-6, 1.0, 100.0]), 1.0, dtype=torch.float32)
    assert counts[0] <= 3 < counts[1] < counts[2] <= 120


def test_the_strong_sample_of_a_batch_does_not_change_the_weak_one():
    z = torch.randn(2, 5, 4, dtype=torch.float64, generator=rng)
    y = torch.randn(2, 12, 1, dtype=torch.float64, generator=rng)
    tau = torch.tensor([0.1, 1e4], dtype=torch.float64).reshape(-1, 1, 1)
    together = prox_cg(forward, adjoint, z, y, tau)
    alone = prox_cg(forward, adjoint, z[:1], y[:1], tau[:1])
    np.testing.assert_allclose(together[:1], alone, rtol=1e-13)


@pytest.mark.parametrize(("reorthogonalise", "stable"), [(False, False), (True, True)])
def test_reorthogonalised_cgls_does_not_multiply_rounding_errors(reorthogonalise, stable):
    # One singular value far above a cluster, as the mean is for a blur: each plain step multiplies errors.
    values = torch.cat([torch.tensor([1.0]), torch.linspace(0.001, 0.1, 39)]).double()
    q = torch.linalg.qr(torch.randn(40, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(1)))[0]
    matrix = q * values

    def solve(y):
        return cgls(lambda x: x @ matrix.T, lambda r: r @ matrix, y, iterations=20, reorthogonalise=reorthogonalise)

    y = torch.randn(1, 40, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    change = float((solve(y) - solve(y * (1 + 1e-15))).norm() / solve(y).norm())
    assert (change < 1e-9) == stable
