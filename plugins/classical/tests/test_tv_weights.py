"""The default weight: its law, its invariances, and that it was not chosen on test data."""

from dataclasses import replace

import pytest
import torch
from benchhost_classical.params import TvParams
from benchhost_classical.training_crops import posed
from benchhost_classical.tv import Tv, noise_level, peak_modulus, white_gain
from benchhost_classical.tv_table import DENOISE, JPEG, NOISY
from benchhost_classical.tv_weights import default_weight, interpolate
from hypothesis import given
from hypothesis import strategies as st

from benchhost.errors import UsageError
from benchhost.physics.diagonal import Identity, Mask
from benchhost.plugins import load
from benchhost.testing.problems import pose

CATALOGUE = load()


@given(at=st.floats(1e-4, 1e3))
def test_interpolation_meets_a_power_law_everywhere(at):
    knots = [(x, 3 * x**1.5) for x in (0.01, 0.1, 2.0)]
    assert interpolate(knots, at) == pytest.approx(3 * at**1.5, rel=1e-9)


def test_what_has_been_tuned_is_there():
    assert set(DENOISE) == set(JPEG) == {"grey", "colour"}
    assert {row for row, _ in NOISY} == {
        *("deblur/gaussian", "deblur/motion", "mri", "mri/ista", "ct", "ct/poisson"),
    }


@pytest.mark.parametrize("table", [DENOISE, JPEG, NOISY])
def test_knots_are_positive_and_in_order(table):
    for knots in table.values():
        assert [x for x, _ in knots] == sorted({x for x, _ in knots})
        assert all(value > 0 for _, value in knots)


@pytest.mark.parametrize("kind", ["grey", "colour"])
def test_more_noise_asks_for_more_smoothing(kind):
    weights = [value for _, value in DENOISE[kind]]
    assert weights == sorted(weights)


@pytest.mark.parametrize("kind", ["grey", "colour"])
def test_worse_jpeg_asks_for_more_smoothing(kind):
    weights = [value for _, value in JPEG[kind]]
    assert weights == sorted(weights, reverse=True)


def test_every_level_of_every_task_it_does_has_a_weight():
    for name, task in CATALOGUE.tasks.items():
        for level in task.levels:
            for sigma in (0.0, 0.01):
                assert 0 <= default_weight(name, level, channels=1, sigma=sigma, gain=0.3) < 1


# Every kind of noise that a task of the catalogue can have, and whether lambda is then above 0.
KINDS = [
    *(("denoise", {}, True), ("jpeg", {}, True), ("deblur", {}, True), ("deblur", {"sigma": 0.0}, False)),
    *((task, values, bool(values)) for task in ("cs", "sr", "inpaint") for values in ({}, {"sigma": 5.0})),
    *(("mri", {"protocol": p, "sigma": s}, s > 0) for p in ("fastmri", "ista") for s in (0.0, 0.02)),
    *(("mri", {"coils": 2, "sigma": s}, s > 0) for s in (0.0, 0.02)),
    *(("ct", {"noise": noise}, noise != "none") for noise in ("none", "gaussian", "poisson")),
]


@pytest.mark.parametrize(("task", "values", "positive"), KINDS)
def test_every_kind_of_noise_has_a_default_weight_and_exact_data_the_constraint(task, values, positive):
    problem = pose(CATALOGUE.task(task), values).problem
    physics = problem.physics if problem.physics.linear else Identity(problem.image_shape)
    weight = Tv(TvParams())._weight(problem, physics, 1.0)
    assert (weight > 0) == positive
    assert weight < 1


@pytest.mark.parametrize("values", [{}, {"photons": 500.0, "views": 20}, {"field_of_view": 0.1}, {"simulate_size": 64}])
def test_the_noise_of_counted_photons_is_read_off_the_counts(values):
    posing = pose(CATALOGUE.task("ct"), {"noise": "poisson", **values})
    p = posing.problem
    clean = pose(CATALOGUE.task("ct"), {**values, "noise": "none"}).problem.y
    truly = float((p.y - clean).pow(2).mean().sqrt())
    # A few thousand rays of unequal noise: the root mean square is known to a few per cent.
    assert noise_level(p.physics, p.y, p.sigma, p.task_params) == pytest.approx(truly, rel=0.1)
    assert noise_level(p.physics, p.y, p.sigma, p.task_params, unit=2.0) == pytest.approx(truly / 2, rel=0.1)


def test_a_scaled_operator_gets_a_weight_scaled_by_its_square():
    one = default_weight("deblur", {}, channels=1, sigma=0.02, gain=0.3)
    ten = default_weight("deblur", {}, channels=1, sigma=0.2, gain=30.0)
    assert ten == pytest.approx(100 * one)


def test_an_unknown_task_falls_back_on_denoising_and_says_so_where_it_cannot():
    assert default_weight("mine", {}, channels=1, sigma=0.1, gain=1.0) == pytest.approx(
        default_weight("denoise", {}, channels=1, sigma=0.1, gain=1.0)
    )
    with pytest.raises(ValueError, match="no default weight for task 'mine'"):
        default_weight("mine", {}, channels=1, sigma=None, gain=1.0)


def test_the_gain_is_the_mean_eigenvalue():
    y = torch.zeros(1, 1, 64, 64)
    assert white_gain(Identity((1, 64, 64)), y) == pytest.approx(1.0)
    keep = torch.zeros(64, 64, dtype=torch.bool)
    keep[:32] = True
    # 4,096 squared normal numbers: the estimate's standard error is 0.5 * (2 / 4096)^0.5 = 1.1 %.
    assert white_gain(Mask((1, 64, 64), keep), y) == pytest.approx(0.5, abs=0.04)


def test_the_unit_of_a_complex_image_is_its_largest_modulus():
    x = torch.zeros(1, 2, 3, 3)
    x[0, :, 1, 1] = torch.tensor([3.0, -4.0])
    assert peak_modulus(x, complex_image=True) == 5.0
    assert peak_modulus(x, complex_image=False) == 4.0
    assert peak_modulus(0 * x, complex_image=True) == 1.0


def test_unbounded_images_may_come_in_any_unit():
    problem = replace(pose(CATALOGUE.task("mri"), {"sigma": 0.02}).problem, value_range=None)
    small = replace(problem, y=1e-4 * problem.y, sigma=1e-4 * problem.sigma)
    one, other = (Tv(TvParams()).reconstruct(p) for p in (problem, small))
    torch.testing.assert_close(1e4 * other, one, atol=1e-4, rtol=0)


def test_tuning_refuses_test_images():
    with pytest.raises(UsageError, match="settings are chosen on training data only"):
        next(posed("denoise", {}, "embedded-grey", 1, 64))


NATURAL, HEAD_MRI, HEAD_CT = "bsds500_train", "mri_t1_studyforrest", "ct_cranium"


@pytest.mark.parametrize(
    ("task", "values", "dataset"),
    [
        ("denoise", {"sigma": 25.0}, NATURAL),
        ("deblur", {}, NATURAL),
        ("jpeg", {"quality": 10}, NATURAL),
        ("mri", {"sigma": 0.02}, HEAD_MRI),
        ("mri", {"sigma": 0.02, "protocol": "ista"}, HEAD_MRI),
        ("ct", {"noise": "gaussian", "views": 30}, HEAD_CT),
        ("ct", {"noise": "poisson", "views": 30}, HEAD_CT),
    ],
)
def test_the_default_weight_beats_a_third_and_three_times_it_on_training_images(
    task, values, dataset, shared_data, monkeypatch
):
    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))
    template = pose(CATALOGUE.task(task), values).problem
    training = list(posed(task, values, dataset, 4 if dataset == NATURAL else 2, 64))

    def quality(factor):
        total = 0.0
        for p in training:
            problem = replace(template, y=p.y, physics=p.physics, sigma=p.sigma, image_shape=tuple(p.truth.shape[1:]))
            sigma = noise_level(p.physics, p.y, p.sigma, template.task_params)
            weight = default_weight(task, values, channels=1, sigma=sigma, gain=_gain(p))
            x = Tv(TvParams(weight=factor * weight, tolerance=3e-4)).reconstruct(problem)
            total -= float((x - p.truth).pow(2).mean().log10())
        return total

    assert quality(1.0) > max(quality(1 / 3), quality(3.0))


def _gain(p):
    return white_gain(p.physics, p.y) if p.physics.linear else 1.0
