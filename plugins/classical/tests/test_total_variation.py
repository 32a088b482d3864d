"""The primal-dual iteration finds the minimiser: duality gaps, an independent solver, exact small cases."""

import numpy as np
import pytest
import torch
from benchhost_classical.total_variation import gradient, gradient_adjoint, magnitude, minimise, total_variation
from hypothesis import given, settings
from hypothesis import strategies as st

from benchhost.physics import LinearPhysics
from benchhost.physics.diagonal import Identity, Mask
from benchhost.testing.priors import GaussianPrior


class Matrix(LinearPhysics):
    """Any matrix as an operator without closed forms: takes the dual form of the iteration."""

    def __init__(self, shape, matrix):
        super().__init__(shape, (len(matrix),))
        self.matrix, self.norm = matrix, float(torch.linalg.matrix_norm(matrix, 2))

    def _A(self, x):
        return x.flatten(1) @ self.matrix.T

    def _A_adjoint(self, y):
        return (y @ self.matrix).reshape(-1, *self.in_shape)

    def spec(self):
        return {"kind": "matrix"}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def noisy(shape, seed=0, sigma=0.1, batch=1):
    x = GaussianPrior(shape).sample(batch, rng(seed), torch.float64)
    return x + sigma * torch.randn(x.shape, generator=rng(seed + 1)).double()


def denoising_gap(y, solution, weight, box=None):
    """Primal minus dual value of 1/2 |x - y|^2 + weight TV(x) on a box: 0 at the minimiser only.

    The dual function of p is min_x 1/2 |x - y|^2 + weight <p, D x> over the box, attained at y - weight D* p, clipped.
    """
    x, shift = solution.estimate, weight * gradient_adjoint(solution.dual)
    if box:
        x = x.clamp(*box)
    primal = 0.5 * (x - y).pow(2).sum() + weight * total_variation(x).sum()
    z = (y - shift).clamp(*box) if box else y - shift
    return float(primal - (0.5 * (z - y).pow(2).sum() + (shift * z).sum())), float(primal)


def objective(A, x, y, weight):
    return float(0.5 * (A(x) - y).pow(2).sum() + weight * total_variation(x).sum())


@settings(max_examples=15, deadline=None)
@given(c=st.integers(1, 3), h=st.integers(1, 9), w=st.integers(1, 9), seed=st.integers(0, 99))
def test_the_gradient_has_its_adjoint(c, h, w, seed):
    x = torch.randn(2, c, h, w, generator=rng(seed), dtype=torch.float64)
    p = gradient(torch.randn(2, c, h, w, generator=rng(seed + 1), dtype=torch.float64))
    torch.testing.assert_close((gradient(x) * p).sum(), (x * gradient_adjoint(p)).sum())


def test_total_variation_of_a_step_is_its_height_times_its_length_whatever_the_channels():
    x = torch.zeros(1, 2, 6, 8)
    x[:, 0, :, 4:] = 3.0
    x[:, 1, :, 4:] = 4.0
    assert float(total_variation(x)) == pytest.approx(5.0 * 6)  # |3 + 4i| along 6 rows


@pytest.mark.parametrize("shape", [(1, 12, 10), (3, 9, 11), (2, 8, 8)])
@pytest.mark.parametrize("box", [None, (0.0, 1.0)])
def test_the_duality_gap_of_denoising_closes(shape, box):
    y, weight = noisy(shape, sigma=0.4), 0.15
    solution = minimise(
        Identity(shape, dtype=torch.float64), y, weight, start=y, box=box, tolerance=1e-9, max_iterations=4000
    )
    gap, primal = denoising_gap(y, solution, weight, box)
    assert 0 <= gap + 1e-12 < 1e-6 * primal
    assert magnitude(solution.dual).max() <= 1 + 1e-12


def test_denoising_at_the_default_tolerance_is_within_a_thousandth_of_the_optimum():
    y, weight = noisy((1, 64, 64)), 0.07
    solution = minimise(Identity((1, 64, 64), dtype=torch.float64), y, weight, start=y, box=(0, 1), tolerance=1e-4)
    gap, primal = denoising_gap(y, solution, weight, (0, 1))
    assert 0 <= gap < 1e-3 * primal
    assert solution.iterations < 200


@pytest.mark.parametrize("channels", [1, 3])
def test_denoising_agrees_with_scikit_image(channels):
    from skimage.restoration import denoise_tv_chambolle

    y, weight = noisy((channels, 24, 20)), 0.08
    ours = minimise(Identity(y.shape[1:], dtype=torch.float64), y, weight, start=y, tolerance=1e-8, max_iterations=5000)
    if channels == 1:  # over channels scikit-image adds the norms up, which is another functional
        theirs = denoise_tv_chambolle(y[0, 0].numpy(), weight=weight, eps=1e-12, max_num_iter=5000)
        # Its gradient descent on the dual stops at a relative change of the energy of 1e-12: 1e-3 away at the most.
        assert np.abs(theirs - ours.estimate[0, 0].numpy()).max() < 1e-3
    else:
        alone = [
            minimise(Identity((1, 24, 20), dtype=torch.float64), y[:, i : i + 1], weight, start=y[:, i : i + 1])
            for i in range(3)
        ]
        apart = torch.cat([s.estimate for s in alone], 1)
        assert objective(Identity(y.shape[1:], dtype=torch.float64), ours.estimate, y, weight) < objective(
            Identity(y.shape[1:], dtype=torch.float64), apart, y, weight
        )


def smooth_reference(matrix, y, weight, shape, box):
    """An independent solver: L-BFGS-B on the smoothed functional, the smoothing driven to 1e-7."""
    from scipy.optimize import minimize as lbfgs

    _, H, W = shape
    x = np.full(H * W, float(np.clip(0.5, *box)))
    for eps in 10.0 ** -np.arange(1, 8):

        def value(v, eps=eps):
            t = torch.from_numpy(v.reshape(1, 1, H, W)).requires_grad_()
            down = torch.nn.functional.pad(t[..., 1:, :] - t[..., :-1, :], (0, 0, 0, 1))
            right = torch.nn.functional.pad(t[..., 1:] - t[..., :-1], (0, 1))
            f = 0.5 * (t.flatten(1) @ matrix.T - y).pow(2).sum()
            f = f + weight * (down**2 + right**2 + eps**2).sqrt().sum()
            f.backward()
            return f.item(), t.grad.numpy().ravel()

        x = lbfgs(
            value,
            x,
            jac=True,
            method="L-BFGS-B",
            bounds=[box] * len(x),
            options={"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-9},
        ).x
    return torch.from_numpy(x.reshape(1, 1, H, W))


@pytest.mark.parametrize("rows", [20, 60])
def test_an_arbitrary_operator_agrees_with_an_independent_solver(rows):
    shape, weight, box = (1, 7, 6), 0.05, (0.0, 1.0)
    matrix = torch.randn(rows, 42, generator=rng(3), dtype=torch.float64) / 6
    A = Matrix(shape, matrix)
    x = GaussianPrior(shape, deviation=0.4).sample(1, rng(4), torch.float64)
    y = A(x) + 0.02 * torch.randn(1, rows, generator=rng(5)).double()
    ours = minimise(
        A, y, weight, start=torch.full((1, *shape), 0.5).double(), box=box, tolerance=1e-9, max_iterations=20000
    )
    theirs = smooth_reference(matrix, y, weight, shape, box)
    value = objective(A, ours.estimate, y, weight)
    # The reference's smoothing adds up to weight * 1e-7 a pixel; its own stopping rule is no better than 1e-7.
    assert value <= objective(A, theirs, y, weight) + 1e-6
    assert ours.estimate.min() >= 0
    assert ours.estimate.max() <= 1


def test_the_closed_form_and_the_dual_form_find_the_same_image():
    shape = (1, 10, 9)
    keep = torch.rand(10, 9, generator=rng(1)) < 0.6
    closed = Mask(shape, keep, dtype=torch.float64)
    matrix = torch.diag(keep.double().flatten())
    y = closed(noisy(shape))
    options = {"start": y, "box": (0.0, 1.0), "tolerance": 1e-9, "max_iterations": 20000}
    one = minimise(closed, y, 0.05, **options).estimate
    two = minimise(Matrix(shape, matrix), y.flatten(1), 0.05, **options).estimate
    # TV regions without data may be flat directions; the values of the functional are unique.
    assert objective(closed, one, y, 0.05) == pytest.approx(objective(closed, two, y, 0.05), abs=1e-6)
    torch.testing.assert_close(one[0, 0][keep], two[0, 0][keep], atol=1e-3, rtol=0)


@pytest.mark.parametrize("form", ["closed", "dual"])
def test_weight_0_gives_the_flattest_image_that_fits_the_data(form):
    shape = (1, 8, 8)
    keep = torch.rand(8, 8, generator=rng(2)) < 0.5
    x = torch.zeros(1, 1, 8, 8, dtype=torch.float64)
    x[..., 3:, 2:] = 0.7
    closed = Mask(shape, keep, dtype=torch.float64)
    A = closed if form == "closed" else Matrix(shape, torch.diag(keep.double().flatten())[keep.flatten()])
    y = A(x)
    solution = minimise(
        A, y, 0.0, start=torch.rand(1, 1, 8, 8, generator=rng(6)).double(), tolerance=1e-7, max_iterations=5000
    )
    torch.testing.assert_close(A(solution.estimate), y, atol=1e-5, rtol=0)
    assert float(total_variation(solution.estimate)) <= float(total_variation(x)) + 1e-4


def test_a_stopped_sample_does_not_depend_on_its_batch():
    easy, hard = noisy((1, 16, 16), sigma=0.01), noisy((1, 16, 16), seed=5, sigma=0.5)
    y = torch.cat([easy, hard])
    A = Identity((1, 16, 16), dtype=torch.float64)
    both = minimise(A, y, 0.2, start=y)
    for i, one in enumerate((easy, hard)):
        alone = minimise(A, one, 0.2, start=one)
        torch.testing.assert_close(both.estimate[i : i + 1], alone.estimate, atol=1e-12, rtol=0)


def test_scaling_image_and_weight_together_changes_nothing():
    y = noisy((1, 16, 16))
    A = Identity((1, 16, 16), dtype=torch.float64)
    one = minimise(A, y, 0.1, start=y, tolerance=1e-8, max_iterations=5000).estimate
    ten = minimise(A, 10 * y, 1.0, start=10 * y, tolerance=1e-8, max_iterations=5000).estimate
    torch.testing.assert_close(10 * one, ten, atol=1e-4, rtol=0)


def test_neither_y_nor_the_start_is_written_to():
    y = noisy((1, 8, 8))
    before = y.clone()
    minimise(Identity((1, 8, 8), dtype=torch.float64), y, 0.1, start=y, box=(0, 1))
    assert torch.equal(y, before)


def test_a_deadline_in_the_past_gives_the_first_checked_iterate():
    y = noisy((1, 8, 8))
    assert (
        minimise(Identity((1, 8, 8), dtype=torch.float64), y, 0.1, start=y, tolerance=0, deadline=0.0).iterations == 10
    )


def test_watch_sees_every_tenth_iterate():
    y, seen = noisy((1, 8, 8)), []
    A = Identity((1, 8, 8), dtype=torch.float64)
    minimise(A, y, 0.1, start=y, tolerance=0, max_iterations=35, watch=lambda k, x: seen.append((k, tuple(x.shape))))
    assert seen == [(k, (1, 1, 8, 8)) for k in (10, 20, 30, 35)]
