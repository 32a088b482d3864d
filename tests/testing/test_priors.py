"""The Gaussian prior says what it claims: its samples have its covariance, its denoiser and posterior are exact."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchhost.physics import LinearPhysics
from benchhost.testing.priors import GaussianPrior

SHAPES = [(1, 6, 6), (1, 5, 7), (3, 4, 5)]


class Matrix(LinearPhysics):
    """Any matrix as an operator."""

    def __init__(self, shape, matrix):
        super().__init__(shape, (len(matrix),))
        self.matrix = matrix

    def _A(self, x):
        return x.flatten(1) @ self.matrix.T

    def _A_adjoint(self, y):
        return (y @ self.matrix).reshape(-1, *self.in_shape)

    def spec(self):
        return {"kind": "matrix"}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def prior_of(shape):
    return GaussianPrior(shape, correlation=0.6 if shape[0] > 1 else 0.0)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_covariance_is_symmetric_stationary_and_has_the_stated_variance(shape):
    cov = prior_of(shape).covariance()
    torch.testing.assert_close(cov, cov.T)
    torch.testing.assert_close(cov.diagonal(), torch.full((len(cov),), 0.15**2, dtype=torch.float64))
    assert torch.linalg.eigvalsh(cov).min() > 0


@pytest.mark.parametrize("shape", SHAPES)
def test_samples_have_the_covariance_and_the_mean(shape):
    prior = prior_of(shape)
    x = prior.sample(20000, rng(), torch.float64).flatten(1)
    # Five standard errors of a mean and of a covariance of 20,000 draws: 0.15 / 141 and 0.15^2 * 2^0.5 / 141 each.
    assert (x.mean(0) - prior.mean).abs().max() < 5 * 0.15 / 141
    assert (torch.cov(x.T) - prior.covariance()).abs().max() < 5 * 0.15**2 * 2**0.5 / 141


@pytest.mark.parametrize("shape", SHAPES)
@settings(max_examples=10, deadline=None)
@given(sigma=st.floats(0.01, 3.0), seed=st.integers(0, 99))
def test_the_denoiser_is_the_dense_posterior_mean(shape, sigma, seed):
    prior = prior_of(shape)
    x = prior.sample(2, rng(seed), torch.float64) + sigma * torch.randn(2, *shape, generator=rng(seed + 1)).double()
    cov = prior.covariance()
    gain = cov @ torch.linalg.inv(cov + sigma**2 * torch.eye(len(cov), dtype=torch.float64))
    dense = prior.mean + ((x - prior.mean).flatten(1) @ gain.T).reshape(x.shape)
    torch.testing.assert_close(prior.denoise(x, sigma), dense, atol=1e-10, rtol=0)


def test_the_denoiser_takes_one_noise_level_a_sample():
    prior = GaussianPrior((1, 8, 8))
    x = prior.sample(2, rng())
    both = prior.denoise(x, torch.tensor([0.1, 1.0]))
    torch.testing.assert_close(both[1:], prior.denoise(x[1:], 1.0))
    assert both.dtype == torch.float32


def test_the_score_is_the_gradient_of_the_log_density():
    prior, sigma = GaussianPrior((1, 4, 4)), 0.3
    law = torch.distributions.MultivariateNormal(
        torch.full((16,), prior.mean, dtype=torch.float64),
        prior.covariance() + sigma**2 * torch.eye(16, dtype=torch.float64),
    )
    x = prior.sample(1, rng(), torch.float64).requires_grad_()
    (gradient,) = torch.autograd.grad(law.log_prob(x.flatten()), x)
    torch.testing.assert_close(prior.score(x.detach(), sigma), gradient, atol=1e-9, rtol=0)


@settings(max_examples=15, deadline=None)
@given(rows=st.integers(1, 20), sigma=st.sampled_from([0.0, 0.05, 1.0]), seed=st.integers(0, 99))
def test_the_posterior_solves_the_normal_equations_and_fits_exact_data(rows, sigma, seed):
    prior = GaussianPrior((1, 4, 5))
    A = Matrix(prior.shape, torch.randn(rows, 20, generator=rng(seed), dtype=torch.float64))
    y = (
        A(prior.sample(1, rng(seed + 1), torch.float64))
        + sigma * torch.randn(1, rows, generator=rng(seed + 2)).double()
    )
    post = prior.posterior(A, y, sigma)
    if sigma == 0:
        # Random square matrices have condition numbers up to 1e4; their squares limit what is left of 1e-16.
        torch.testing.assert_close(A(post.mean), y, atol=1e-6, rtol=0)
        return
    precision = A.matrix.T @ A.matrix / sigma**2 + torch.linalg.inv(prior.covariance())
    torch.testing.assert_close(post.covariance, torch.linalg.inv(precision), atol=1e-9, rtol=0)
    gradient = A.A_adjoint(A(post.mean) - y).flatten() / sigma**2 + torch.linalg.solve(
        prior.covariance(), (post.mean - prior.mean).flatten()
    )
    assert gradient.abs().max() < 1e-6


def test_rows_that_repeat_each_other_are_no_trouble():
    prior = GaussianPrior((1, 4, 4))
    row = torch.randn(1, 16, generator=rng(), dtype=torch.float64)
    A = Matrix(prior.shape, row.repeat(3, 1))
    y = A(prior.sample(1, rng(1), torch.float64))
    torch.testing.assert_close(A(prior.posterior(A, y, 0.0).mean), y, atol=1e-9, rtol=0)


@pytest.mark.parametrize("sigma", [0.01, 0.2])
def test_deconvolution_by_fft_is_the_dense_posterior_mean(sigma):
    prior = GaussianPrior((3, 6, 5), correlation=0.5)
    kernel = torch.zeros(6, 5, dtype=torch.float64)
    kernel[:2, :3] = torch.rand(2, 3, generator=rng(), dtype=torch.float64)
    transfer = torch.fft.fft2(kernel)

    class Blur(Matrix):
        def __init__(self):
            LinearPhysics.__init__(self, prior.shape, prior.shape)

        def _A(self, x):
            return torch.fft.ifft2(torch.fft.fft2(x) * transfer).real

        def _A_adjoint(self, y):
            return torch.fft.ifft2(torch.fft.fft2(y) * transfer.conj()).real

    y = Blur()(prior.sample(2, rng(1), torch.float64)) + sigma * torch.randn(2, 3, 6, 5, generator=rng(2)).double()
    dense = prior.posterior(Blur(), y, sigma).mean
    torch.testing.assert_close(prior.deconvolve(transfer, y, sigma), dense, atol=1e-9, rtol=0)


def test_a_correlation_no_law_can_have_is_refused():
    with pytest.raises(ValueError, match="correlation -0.5 between 3 channels"):
        GaussianPrior((3, 4, 4), correlation=-0.5)
