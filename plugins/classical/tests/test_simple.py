"""Baselines and controls do exactly what their names say."""

import torch
from benchhost_classical.params import NoiseParams
from benchhost_classical.simple import Adjoint, Baseline, Noise, Oracle, PseudoInverse

from benchhost.params import NoParams
from benchhost.plugins import load
from benchhost.testing.problems import pose

CATALOGUE = load()


def test_baseline_is_the_operators_own():
    problem = pose(CATALOGUE.task("sr")).problem
    torch.testing.assert_close(Baseline(NoParams()).reconstruct(problem), problem.physics.baseline(problem.y))


def test_the_pseudo_inverse_fits_the_measurement():
    problem = pose(CATALOGUE.task("cs")).problem
    x = PseudoInverse(NoParams()).reconstruct(problem)
    torch.testing.assert_close(problem.physics.A(x), problem.y, atol=1e-5, rtol=0)


def test_the_adjoint_step_from_zero_never_overshoots():
    for task in ("ct", "sr", "deblur"):
        problem = pose(CATALOGUE.task(task)).problem
        x = Adjoint(NoParams()).reconstruct(problem)
        assert torch.norm(problem.physics.A(x) - problem.y) < torch.norm(problem.y)


def test_the_oracle_returns_a_copy_of_the_truth():
    posing = pose(CATALOGUE.task("denoise"))
    x = Oracle(NoParams()).reconstruct(posing.problem, posing.posed.truth)
    assert torch.equal(x, posing.posed.truth)
    assert x.data_ptr() != posing.posed.truth.data_ptr()


def test_both_kinds_of_noise_have_the_mean_and_variance_of_the_uniform_law():
    posing = pose(CATALOGUE.task("denoise"), size=128)
    for kind in ("uniform", "gaussian"):
        x = Noise(NoiseParams(kind=kind)).reconstruct(posing.problem)
        # Five standard errors of mean and variance over 16,384 pixels.
        assert abs(float(x.mean()) - 0.5) < 5 * 12**-0.5 / 128
        assert abs(float(x.var()) - 1 / 12) < 5 * (2**0.5 / 12) / 128
