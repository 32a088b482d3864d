"""The Wiener filter is the exact posterior mean of its prior, whatever the operator."""

import pytest
import torch
from benchhost_classical.params import WienerParams
from benchhost_classical.spectra import SPECTRA, choose
from benchhost_classical.wiener import StationaryPrior, Wiener, posterior_mode

from benchhost.physics.diagonal import Mask
from benchhost.plugins import load
from benchhost.testing.problems import pose

CATALOGUE = load()
PROBLEMS = [
    ("denoise", None, 1),
    ("denoise", None, 3),
    ("sr", {"scale": 2, "sigma": 2.0}, 1),
    ("cs", {"ratio": 0.25, "sigma": 5.0}, 1),
    ("inpaint", {"keep": 0.5, "sigma": 10.0}, 3),
    ("deblur", None, 1),
    ("deblur", {"boundary": "valid", "size": 9}, 1),
    ("mri", {"sigma": 0.02}, 1),
    ("ct", {"noise": "gaussian"}, 1),
]


def dense(problem, prior):
    """Posterior mean by dense algebra in float64, without iterations."""
    A, shape = problem.physics.to(dtype=torch.float64), problem.image_shape
    n = prior.variance.numel()
    unit = torch.eye(n, dtype=torch.float64).reshape(n, *shape)
    B = A.A(prior.colour(unit)).reshape(n, -1).T
    mean = torch.full((1, *shape), prior.mean, dtype=torch.float64)
    r = (problem.y.double() - A.A(mean)).flatten()
    normal = B.T @ B + problem.sigma**2 * torch.eye(n, dtype=torch.float64)
    return mean + prior.colour(torch.linalg.solve(normal, B.T @ r).reshape(1, *shape))


@pytest.mark.parametrize(("task", "values", "channels"), PROBLEMS)
def test_it_is_the_posterior_mean(task, values, channels):
    # Dense algebra costs the cube of the number of values: colour on a smaller image.
    size = 20 if channels == 3 else None
    problem = pose(CATALOGUE.task(task), values, channels=channels, size=size).problem
    kind = choose(problem.task, problem.image_shape[0], problem.complex_image)
    prior = StationaryPrior(kind, problem.image_shape)
    x = Wiener(WienerParams(tolerance=1e-8, iterations=3000)).reconstruct(problem)
    torch.testing.assert_close(x.double(), dense(problem, prior), atol=1e-5, rtol=0)
    # With the default stopping rule: less than half a grey level, root mean square a tenth.
    quick = Wiener(WienerParams()).reconstruct(problem)
    assert float((quick - x).abs().max()) < 0.5 / 255
    assert float((quick - x).pow(2).mean().sqrt()) < 0.1 / 255


@pytest.mark.parametrize("task", ["sr", "cs", "inpaint"])
def test_exact_data_are_reproduced_to_the_rounding_of_8_bits(task):
    problem = pose(CATALOGUE.task(task)).problem
    x = Wiener(WienerParams()).reconstruct(problem)
    assert float((problem.physics.A(x) - problem.y).pow(2).mean().sqrt()) < 0.5 / 255


@pytest.mark.parametrize("kind", SPECTRA)
def test_colouring_has_its_adjoint_and_makes_the_stated_variances(kind):
    shape = (3 if kind == "colour" else 2, 6, 7)
    prior = StationaryPrior(kind, shape)
    rng = torch.Generator().manual_seed(0)
    u, x = (torch.randn(1, *shape, generator=rng, dtype=torch.float64) for _ in range(2))
    torch.testing.assert_close((prior.colour(u) * x).sum(), (u * prior.colour_adjoint(x)).sum())
    n = x.numel()
    S = prior.colour(torch.eye(n, dtype=torch.float64).reshape(n, *shape)).reshape(n, n)
    torch.testing.assert_close(
        torch.linalg.eigvalsh(S.T @ S).sort().values, prior.variance.flatten().sort().values, atol=1e-10, rtol=1e-8
    )


def test_a_sample_that_has_converged_does_not_depend_on_its_batch():
    prior = StationaryPrior("grey", (1, 12, 12))
    A = Mask((1, 12, 12), torch.rand(12, 12, generator=torch.Generator().manual_seed(0)) < 0.5, dtype=torch.float64)
    y = A(torch.rand(2, 1, 12, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64))
    y[1] = 0.01  # converges at once
    both = posterior_mode(A, prior, y, 0.1, tolerance=1e-6, iterations=200)
    for i in (0, 1):
        alone = posterior_mode(A, prior, y[i : i + 1], 0.1, tolerance=1e-6, iterations=200)
        torch.testing.assert_close(both[i : i + 1], alone, atol=1e-10, rtol=0)


def test_a_spectrum_for_colour_refuses_a_grey_image():
    with pytest.raises(ValueError, match="'colour' is for 3 channels; the image has 1"):
        StationaryPrior("colour", (1, 8, 8))
