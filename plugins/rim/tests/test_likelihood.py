"""What a RIM is told of the measurement: the gradient of the log-likelihood, of an operator at norm 1."""

import numpy as np
import pytest
import torch
from benchhost_rim.likelihood import Likelihood, squash
from benchhost_rim.link import EDGE, REACH, image, inverse, slope

from benchhost.capability import missing
from benchhost.nets.scale import SIGNED, UNIT
from benchhost.physics.lanczos import lanczos_norm
from benchhost.plugins import load, resolve_for
from benchhost.testing.problems import pose
from benchhost.training import mixture

CATALOGUE = load()
LEVELS = [(name, level) for name, task in CATALOGUE.tasks.items() for level in task.levels] + [
    ("mri", {"coils": 4}),
    ("mri", {"protocol": "ista"}),
]


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def measured(kind, seed=0, size=32):
    makers = {
        **mixture.MAKERS,
        "coils": lambda s, random: mixture.columns(s, 4, random, coils=4, sigma=0.02),
        "valid": lambda s, random: mixture.blur(s, mixture.gaussian_kernel(1.0)[8:17, 8:17], 5.0, valid=True),
    }
    return mixture.measure(torch.rand(2, 1, size, size, generator=rng(seed)), makers[kind], seed)


@pytest.mark.parametrize("link", ["logistic", "identity"])
@pytest.mark.parametrize("kind", [*mixture.MAKERS, "coils", "valid"])
def test_the_gradient_is_that_of_the_log_likelihood(kind, link):
    m = measured(kind)
    physics = m.physics.to(dtype=torch.float64)
    likelihood = Likelihood(physics, m.y.double(), m.sigma, link, m.scale)
    eta = torch.randn(m.truth.shape, generator=rng(1), dtype=torch.float64).requires_grad_()
    epsilon = torch.tensor([0.01], dtype=torch.float64)
    x = likelihood.image(eta)
    # In the problem's own units; the learned variance is one of images in [-1, 1] under an operator of norm 1.
    variance = m.sigma**2 + float(epsilon) * (m.scale.half * physics.norm) ** 2
    log_p = -0.5 * (m.y.double() - physics.A(x)).square().sum() / variance
    (expected,) = torch.autograd.grad(log_p, eta)
    found = likelihood.gradient(eta.detach(), epsilon)
    torch.testing.assert_close(found, expected, rtol=1e-6, atol=1e-6 * float(expected.abs().max()))


@pytest.mark.parametrize("link", ["logistic", "identity"])
def test_links_have_their_slope_and_inverse(link):
    eta = torch.linspace(-4, 4, 33, dtype=torch.float64).requires_grad_()
    v = image(link, eta)
    (expected,) = torch.autograd.grad(v.sum(), eta)
    torch.testing.assert_close(slope(link, v), expected)
    torch.testing.assert_close(inverse(link, v), eta)


def test_the_logistic_link_reaches_black_and_white_and_takes_any_start():
    eta = inverse("logistic", torch.tensor([-9.0, -1.0, 1.0, 9.0]))
    assert bool(eta.isfinite().all())
    torch.testing.assert_close(image("logistic", eta), torch.tensor([-EDGE * REACH, -1.0, 1.0, EDGE * REACH]))
    assert bool((slope("logistic", torch.tensor([-1.0, 1.0])) > 0.15).all())


@pytest.mark.parametrize(
    ("task", "level"), LEVELS, ids=lambda v: v if isinstance(v, str) else "-".join(map(str, v.values()))
)
def test_the_operator_of_every_task_has_norm_1(task, level):
    posing = pose(CATALOGUE.task(task), level)
    if reasons := missing(CATALOGUE.method("rim").requires, posing.offers):
        pytest.skip("; ".join(reasons))
    physics = posing.problem.physics.to(dtype=torch.float64)
    likelihood = Likelihood(physics, posing.problem.y.double(), posing.problem.sigma, "logistic")
    start = torch.randn(1, *physics.in_shape, generator=rng(), dtype=torch.float64)
    norm = lanczos_norm(physics.A, physics.A_adjoint, start, tolerance=1e-4)
    assert norm / likelihood.norm == pytest.approx(1, abs=1e-2)


def test_a_scaled_operator_with_scaled_noise_is_the_same_problem():
    """A camera that counts in other units must not change the estimate."""
    m = measured("deblur")

    class Scaled(type(m.physics)):
        def _A(self, x):
            return 7 * super()._A(x)

        def _A_adjoint(self, y):
            return 7 * super()._A_adjoint(y)

        def _baseline(self, y):
            return super()._baseline(y / 7)

    scaled = object.__new__(Scaled)
    scaled.__dict__.update(m.physics.__dict__)
    scaled.norm = 7 * m.physics.norm
    a = Likelihood(m.physics, m.y, m.sigma, "logistic")
    b = Likelihood(scaled, 7 * m.y, 7 * m.sigma, "logistic")
    epsilon, eta = torch.tensor([1e-3]), a.start()
    torch.testing.assert_close(b.start(), eta, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(b.gradient(0.5 * eta, epsilon), a.gradient(0.5 * eta, epsilon), rtol=1e-3, atol=1e-2)


def test_unseen_pixels_begin_at_mid_grey():
    m = measured("inpaint")
    start = Likelihood(m.physics, m.y, m.sigma, "logistic").start()
    unseen = ~m.physics.mask.bool()
    assert torch.equal(start[:, unseen], torch.zeros_like(start[:, unseen]))
    seen = UNIT.image(image("logistic", start))[:, ~unseen]
    torch.testing.assert_close(seen, m.y[:, ~unseen])


def test_without_noise_the_gradient_stays_finite():
    m = measured("sr")
    likelihood = Likelihood(m.physics, m.y, 0.0, "logistic", UNIT)
    gradient = likelihood.gradient(torch.zeros_like(m.truth), torch.tensor([1e-3]))
    assert bool(gradient.isfinite().all())
    assert float(gradient.abs().max()) > 1


def test_squashing_is_elementwise_linear_where_small_and_odd():
    g = torch.tensor([-1e6, -1e-3, 0.0, 1e-3, 1e6]).reshape(1, 1, 1, 5)
    fine, coarse = squash(g, (1.0, 32.0)).unbind(1)
    torch.testing.assert_close(fine, -fine.flip(-1))
    torch.testing.assert_close(fine[..., 3], torch.tensor([[1e-3]]), rtol=1e-5, atol=0)
    torch.testing.assert_close(coarse, torch.asinh(g[:, 0] / 32))
    assert float(fine.abs().max()) < 20


def test_complex_images_are_measured_in_their_own_range():
    m = measured("coils")
    likelihood = Likelihood(m.physics, m.y, m.sigma, "identity", SIGNED)
    assert likelihood.sigma == pytest.approx(m.sigma)
    np.testing.assert_allclose(likelihood.image(m.truth).numpy(), m.truth.numpy())
    assert resolve_for(CATALOGUE.method("rim")).__name__ == "RimMethod"
