"""Sensors: their statistics, their rounding rules, and streams that depend on nothing but their key."""

import numpy as np
import pytest
import torch

from benchhost.physics.noise import awgn, floor_uint8, kair_stream, poisson_log, poisson_log_deviation, round_uint8
from benchhost.seeds import Seeds

SEEDS = Seeds(task="t", dataset="d", image="i")


def test_noise_has_the_level_asked_for_and_no_mean():
    y = awgn(torch.zeros(1, 1, 500, 500, dtype=torch.float64), 0.1, SEEDS.random_state("noise"))
    # 250,000 draws: the standard error of the deviation is 0.14 %, of the mean 0.0002.
    assert float(y.std()) == pytest.approx(0.1, rel=6e-3)
    assert abs(float(y.mean())) < 1e-3


def test_the_same_key_gives_the_same_noise_in_either_precision():
    x = torch.rand(1, 3, 4, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    double = awgn(x, 0.1, SEEDS.random_state("noise"))
    single = awgn(x.float(), 0.1, SEEDS.random_state("noise"))
    torch.testing.assert_close(single, double.float(), rtol=0, atol=2.4e-7)  # two roundings of values up to 2


def test_another_repeat_image_or_purpose_gives_other_noise():
    x = torch.zeros(1, 1, 4, 4)
    others = [SEEDS.random_state("mask"), Seeds(task="t", dataset="d", image="i", repeat=1).random_state("noise"),
              Seeds(task="t", dataset="d", image="j").random_state("noise")]  # fmt: skip
    first = awgn(x, 1.0, SEEDS.random_state("noise"))
    assert all(not torch.equal(first, awgn(x, 1.0, other)) for other in others)


def test_zero_noise_is_a_copy_and_draws_nothing():
    stream, x = kair_stream(), torch.rand(1, 1, 3, 3)
    assert torch.equal(awgn(x, 0, stream), x)
    assert stream.randint(1000) == kair_stream().randint(1000)


def test_the_kair_stream_is_numpy_seeded_with_zero_in_height_width_channel_order():
    state = np.random.get_state()
    try:
        np.random.seed(0)
        expected = np.random.normal(0, 25 / 255, (5, 4, 3))
    finally:
        np.random.set_state(state)
    y = awgn(torch.zeros(1, 3, 5, 4, dtype=torch.float64), 25 / 255, kair_stream(), order="HWC")
    np.testing.assert_array_equal(y[0].permute(1, 2, 0), expected)


def test_rounding_saturates_and_rounds_halves_up():
    y = torch.tensor([-1.0, 0.5 / 255, 1.4 / 255, 2.0], dtype=torch.float64)
    assert (255 * round_uint8(y)).round().tolist() == [0, 1, 1, 255]


def test_floor_cuts_down_but_leaves_every_whole_level_as_it_is():
    levels = torch.arange(256, dtype=torch.float32) / 255
    assert torch.equal((255 * floor_uint8(levels)).round(), torch.arange(256.0))
    assert (255 * floor_uint8(torch.tensor([1.99 / 255, 7.01 / 255]))).round().tolist() == [1, 7]


def test_poisson_log_is_unbiased_at_many_photons_and_noisier_where_less_arrives():
    a = torch.tensor([0.0, 0.02]).repeat(20000, 1)
    y = poisson_log(a, SEEDS.random_state("noise"), photons=1e6)
    # One bin's standard deviation is exp(mu a / 2) / sqrt(photons) / mu: 1.2e-5 and 2.8e-5.
    np.testing.assert_allclose(y.mean(0), [0.0, 0.02], atol=1e-6)
    np.testing.assert_allclose(y.std(0), [1.229e-5, 2.773e-5], rtol=0.02)


def test_poisson_log_of_a_shadow_without_photons_is_finite():
    y = poisson_log(torch.full((4,), 1.0), SEEDS.random_state("noise"))
    np.testing.assert_allclose(y, -np.log(0.1 / 4096) / 81.35858, rtol=1e-6)


@pytest.mark.parametrize("path", [0.0, 0.02, 0.05])
def test_the_noise_of_a_count_is_known_from_the_count(path):
    a = torch.full((20000,), path, dtype=torch.float64)
    y = poisson_log(a, SEEDS.random_state("noise"), photons=1e4)
    deviation = poisson_log_deviation(a, photons=1e4)
    # The logarithm of at least 170 counts: 1 % of curvature, 0.5 % of chance.
    assert float(deviation[0]) == pytest.approx(float(y.std()), rel=0.03)
    assert float(poisson_log_deviation(y, photons=1e4).mean()) == pytest.approx(float(y.std()), rel=0.03)
