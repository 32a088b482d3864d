"""Paired comparisons: against an independent package where it is installed, exact enumeration, and by hand."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchhost.stats import differences, holm, paired, signed_rank, signed_ranks

RNG = np.random.RandomState(0)


def enumerated(d: np.ndarray) -> float:
    """Two-sided p-value from all sign patterns of the ranks."""
    ranks = np.argsort(np.argsort(np.abs(d))) + 1
    observed = abs(ranks[d > 0].sum() - ranks[d < 0].sum())
    sums = [abs(np.dot(signs, ranks)) for signs in itertools.product((-1, 1), repeat=len(d))]
    return float(np.mean(np.array(sums) >= observed))


@pytest.mark.parametrize("n", [6, 8, 11])
def test_the_signed_rank_test_counts_all_sign_patterns(n):
    d = np.random.RandomState(n).randn(n) + 0.5
    assert signed_rank(d) == pytest.approx(enumerated(d), abs=1e-12)


def test_the_signed_rank_test_agrees_with_an_independent_package():
    posthocs = pytest.importorskip("scikit_posthocs", reason="scikit-posthocs is not installed")
    scores = np.random.RandomState(1).randn(3, 30) + np.array([[0.0], [0.3], [1.0]])
    theirs = posthocs.posthoc_wilcoxon(scores, p_adjust=None).to_numpy()
    for i, j in itertools.combinations(range(3), 2):
        assert signed_rank(differences(scores[i], scores[j])) == pytest.approx(theirs[i, j], abs=1e-6)


def test_holm_agrees_with_an_independent_package():
    tests = pytest.importorskip("statsmodels.stats.multitest", reason="statsmodels is not installed")
    for n in (1, 2, 5, 40):
        p = np.random.RandomState(n).rand(n) ** 3
        assert holm(p) == pytest.approx(tests.multipletests(p, method="holm")[1], abs=1e-6)


def test_holm_and_wilcoxon_together_agree_with_an_independent_package():
    posthocs = pytest.importorskip("scikit_posthocs", reason="scikit-posthocs is not installed")
    scores = np.random.RandomState(2).randn(4, 24) + np.array([[0.0], [0.2], [0.5], [1.2]])
    theirs = posthocs.posthoc_wilcoxon(scores, p_adjust="holm").to_numpy()
    pairs = list(itertools.combinations(range(4), 2))
    ours = holm([signed_rank(differences(scores[i], scores[j])) for i, j in pairs])
    assert ours == pytest.approx([theirs[i, j] for i, j in pairs], abs=1e-6)


def test_holm_by_hand():
    assert holm([0.01, 0.04, 0.03]).tolist() == pytest.approx([0.03, 0.06, 0.06])


def test_what_was_not_tested_does_not_count_in_the_family():
    found = holm([0.01, math.nan, 0.04])
    assert found[[0, 2]].tolist() == pytest.approx([0.02, 0.04])
    assert math.isnan(found[1])


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(0, 1), max_size=12))
def test_adjusted_values_keep_their_order_and_never_shrink(p):
    found = holm(p)
    assert (found >= np.array(p)).all()
    assert (found <= 1).all()
    assert (np.diff(found[np.argsort(p, kind="stable")]) >= 0).all()


def test_five_pairs_are_never_tested_however_clear():
    assert math.isnan(signed_rank([10.0, 11.0, 12.0, 13.0, 14.0]))
    assert math.isnan(paired([0.0] * 5, [9.0, 8.0, 7.0, 6.0, 5.0]).p)
    assert signed_rank([10.0, 11.0, 12.0, 13.0, 14.0, 15.0]) == pytest.approx(2 / 64)


def test_equal_methods_have_no_difference():
    found = paired([1.0, 2.0, math.inf] * 3, [1.0, 2.0, math.inf] * 3)
    assert (found.n, found.delta, found.p) == (9, 0.0, 1.0)


def test_an_infinite_difference_ranks_first_and_has_no_interval():
    first, second = np.arange(8.0), np.arange(8.0) + np.array([0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 9.0])
    clear = paired(first, second)
    second[-1] = math.inf
    assert paired(first, second).p == clear.p
    assert math.isnan(paired(first, second).interval.low)


def test_differences_are_second_minus_first_where_both_have_values():
    assert differences([1.0, math.nan, 3.0], [2.0, 5.0, math.nan]).tolist() == [1.0]
    found = paired([1.0, 2.0, 4.0], [2.0, 4.0, math.nan])
    assert (found.n, found.delta) == (2, 1.5)
    with pytest.raises(ValueError, match="one length, got 2 and 1"):
        differences([1.0, 2.0], [1.0])


def test_the_interval_is_that_of_the_mean_difference():
    first = RNG.randn(20)
    found = paired(first, first + 1.0 + 0.1 * RNG.randn(20))
    assert found.interval.low < found.delta < found.interval.high
    assert found.interval.low > 0.9


@pytest.mark.parametrize("images", [8, 50, 51, 120])
@pytest.mark.parametrize("holes", [0, 3])
def test_columns_are_tested_as_they_would_be_one_by_one(images, holes):
    rng = np.random.RandomState(images + holes)
    leader = rng.rand(images)
    columns = np.stack([leader - 0.1 * rng.rand(images), leader, np.round(leader + rng.randn(images), 1)], 1)
    columns[:4, 2] = leader[:4]  # differences of zero
    columns[:holes, 0] = np.nan
    alone = [signed_rank(differences(column, leader)) for column in columns.T]
    assert signed_ranks(columns, leader) == pytest.approx(alone, rel=1e-12, nan_ok=True)
