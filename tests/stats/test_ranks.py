"""Ranks over blocks: against scipy, scikit-posthocs and the table of Demsar (2006)."""

import math

import numpy as np
import pytest
from scipy.stats import friedmanchisquare, rankdata

from benchhost.stats import cliques, critical_difference, friedman, nemenyi, ranked

SCORES = np.round(np.random.RandomState(0).randn(12, 5) + np.linspace(0, 1.5, 5), 1)  # with ties


def test_ranks_count_from_the_best_and_ties_share():
    assert ranked(np.array([[3.0, 1.0, 3.0, 2.0]])).tolist() == [[1.5, 4.0, 1.5, 3.0]]
    np.testing.assert_allclose(ranked(SCORES), rankdata(-SCORES, axis=1))


def test_friedman_agrees_with_scipy_with_ties():
    found = friedman(SCORES)
    theirs = friedmanchisquare(*SCORES.T)
    assert found.statistic == pytest.approx(theirs.statistic, abs=1e-6)
    assert found.p == pytest.approx(theirs.pvalue, abs=1e-6)
    assert found.ranks == pytest.approx(rankdata(-SCORES, axis=1).mean(0))


def test_nemenyi_agrees_with_an_independent_package():
    posthocs = pytest.importorskip("scikit_posthocs", reason="scikit-posthocs is not installed")
    theirs = posthocs.posthoc_nemenyi_friedman(SCORES).to_numpy()
    np.testing.assert_allclose(nemenyi(friedman(SCORES).ranks, len(SCORES)), theirs, atol=1e-6)


@pytest.mark.parametrize(("methods", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_is_that_of_the_published_table(methods, q):
    # Demsar (2006), table 5: q at 0.05, three decimals.
    found = critical_difference(methods, 14)
    assert found == pytest.approx(q * math.sqrt(methods * (methods + 1) / (6 * 14)), abs=1e-3)


def test_a_difference_of_exactly_the_critical_one_has_p_of_alpha():
    cd = critical_difference(4, 9)
    assert nemenyi([1.0, 1.0 + cd, 2.0, 3.0], 9)[0, 1] == pytest.approx(0.05, abs=1e-6)


def test_cliques_are_the_longest_groups_within_the_difference():
    assert cliques([3.0, 1.0, 1.8, 4.5], 1.0) == [[1, 2]]
    assert cliques([1.0, 2.0, 3.0], 1.0) == [[0, 1], [1, 2]]
    assert cliques([1.0, 2.0, 3.0], 5.0) == [[0, 1, 2]]
    assert cliques([1.0, 3.0], 1.0) == []


def test_equal_methods_are_not_told_apart():
    found = friedman(np.ones((6, 3)))
    assert (found.statistic, found.p) == (0.0, 1.0)


def test_two_methods_or_one_block_are_not_tested():
    assert math.isnan(friedman(SCORES[:, :2]).p)
    assert math.isnan(friedman(SCORES[:1]).p)


def test_holes_are_refused():
    with pytest.raises(ValueError, match="complete table"):
        ranked(np.array([[1.0, math.nan]]))
    with pytest.raises(ValueError, match="needs 2 methods and a block, got 1 and 5"):
        critical_difference(1, 5)
