"""Descriptions against numpy and pandas, the bootstrap against the known distribution of a mean."""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import bootstrap, norm

from benchhost.stats import bootstrap_mean, describe

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=40)


@settings(max_examples=50, deadline=None)
@given(NUMBERS)
def test_a_description_agrees_with_pandas(values):
    found, series = describe(values), pd.Series(values)
    assert found.n == len(values)
    assert found.mean == pytest.approx(series.mean(), rel=1e-9, abs=1e-9)
    assert found.sd == pytest.approx(series.std(), rel=1e-9, abs=1e-9)
    assert (found.q1, found.median, found.q3) == pytest.approx(tuple(series.quantile([0.25, 0.5, 0.75])))
    assert found.iqr == pytest.approx(found.q3 - found.q1)


def test_missing_values_are_left_out_and_counted():
    found = describe([1.0, math.nan, 3.0])
    assert (found.n, found.mean, found.median) == (2, 2.0, 2.0)
    assert describe([]).n == 0
    assert math.isnan(describe([math.nan]).mean)


def test_one_value_has_no_spread():
    found = describe([5.0])
    assert (found.n, found.mean, found.median) == (1, 5.0, 5.0)
    assert math.isnan(found.sd)


def test_infinite_values_keep_a_median_and_lose_the_spread():
    found = describe([1.0, math.inf, math.inf])
    assert (found.mean, found.median, found.q3) == (math.inf, math.inf, math.inf)
    assert math.isnan(found.sd)


def test_the_bootstrap_repeats_itself_and_obeys_its_seed():
    values = np.random.RandomState(0).randn(30)
    assert bootstrap_mean(values) == bootstrap_mean(values)
    assert bootstrap_mean(values) != bootstrap_mean(values, seed=1)
    assert bootstrap_mean([*values, math.nan]) == bootstrap_mean(values)


def test_the_bootstrap_gives_these_numbers_on_every_machine():
    interval = bootstrap_mean([26.1, 27.4, 30.2, 24.9, 28.8, 29.5], seed=7)
    assert (interval.low, interval.high) == pytest.approx((26.283333333333335, 29.266666666666666), abs=1e-12)


def test_the_bootstrap_leaves_numpy_s_global_state_alone():
    np.random.seed(3)
    expected = np.random.RandomState(3).rand()
    bootstrap_mean([1.0, 2.0, 3.0])
    assert np.random.rand() == expected


def test_the_interval_is_near_the_normal_one_for_many_values():
    # For n = 400 the percentile interval is the normal one up to Monte Carlo error, about 3 % of its width.
    values = np.random.RandomState(1).randn(400)
    half = norm.ppf(0.975) * values.std(ddof=1) / 20
    found = bootstrap_mean(values)
    assert found.low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert found.high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_the_interval_agrees_with_scipy_s():
    values = np.random.RandomState(2).gamma(2.0, size=25)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=9999, rng=0).confidence_interval
    found = bootstrap_mean(values)
    assert (found.low, found.high) == pytest.approx((theirs.low, theirs.high), abs=0.03)


@settings(max_examples=20, deadline=None)
@given(NUMBERS, st.floats(-100, 100))
def test_a_shift_of_all_values_shifts_the_interval(values, shift):
    found = bootstrap_mean(values, resamples=200)
    moved = bootstrap_mean(np.array(values) + shift, resamples=200)
    assert (moved.low - shift, moved.high - shift) == pytest.approx((found.low, found.high), rel=1e-6, abs=1e-6)


def test_a_wider_level_gives_a_wider_interval_that_holds_the_mean():
    values = np.random.RandomState(3).randn(20)
    narrow, wide = bootstrap_mean(values, level=0.5), bootstrap_mean(values, level=0.99)
    assert wide.low < narrow.low < values.mean() < narrow.high < wide.high


def test_too_few_or_infinite_values_have_no_interval():
    for values in ([], [1.0], [1.0, math.inf]):
        assert math.isnan(bootstrap_mean(values).low)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1, got 95"):
        bootstrap_mean([1.0, 2.0], level=95)
    with pytest.raises(ValueError, match="at least 1, got 0"):
        bootstrap_mean([1.0, 2.0], resamples=0)


def test_kept_draws_give_the_interval_that_fresh_ones_give(monkeypatch):
    values = np.random.RandomState(3).rand(37)
    kept = bootstrap_mean(values, resamples=2000)
    monkeypatch.setattr("benchhost.stats.bootstrap._KEPT", 0)
    fresh = bootstrap_mean(values, resamples=2000)
    assert (kept.low, kept.high) == pytest.approx((fresh.low, fresh.high), abs=1e-14)
