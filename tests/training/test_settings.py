import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchhost import params
from benchhost.errors import UsageError
from benchhost.training.settings import Goal, Settings, decaying, rate_factor


def test_the_rate_rises_stays_and_falls_by_half_a_cosine():
    def factor(step):
        return rate_factor(step, step / 100, warmup=10, decay=0.2)

    assert factor(0) == pytest.approx(0.1)
    assert factor(9) == factor(50) == factor(80) == 1
    assert factor(90) == pytest.approx(0.5)
    assert factor(100) == pytest.approx(0)


def test_decay_one_is_the_classic_cosine_and_decay_zero_none():
    assert rate_factor(5, 0.25, warmup=0, decay=1.0) == pytest.approx(0.8535533905932737)  # (1 + cos 45 deg) / 2
    assert rate_factor(5, 1.0, warmup=0, decay=0.0) == 1


@given(st.integers(0, 10_000), st.floats(0, 1), st.integers(0, 100), st.floats(0, 1))
def test_the_rate_stays_within_zero_and_its_constant(step, progress, warmup, decay):
    factor = rate_factor(step, progress, warmup=warmup, decay=decay)
    assert 0 <= factor <= 1
    if step >= warmup and not decaying(progress, decay):
        assert factor == 1


def test_progress_counts_steps_or_seconds():
    assert Goal(steps=200).progress(50, 1e9) == 0.25
    assert Goal(seconds=60.0).progress(10**9, 15.0) == 0.25
    assert Goal(steps=10).progress(11, 0) == 1


def test_only_a_larger_goal_exceeds():
    assert Goal(steps=11).exceeds(Goal(steps=10))
    assert not Goal(steps=10).exceeds(Goal(steps=10))
    assert Goal(seconds=2.0).exceeds(Goal(seconds=1.0))
    assert not Goal(seconds=1.0).exceeds(Goal(seconds=2.0))
    assert Goal(seconds=1.0).exceeds(Goal(steps=10**6))


@pytest.mark.parametrize("goal", [{}, {"steps": 1, "seconds": 1.0}, {"steps": 0}, {"seconds": -1.0}])
def test_a_goal_is_one_positive_number(goal):
    with pytest.raises(UsageError):
        Goal(**goal)


def test_settings_are_read_from_text_and_refused_by_name():
    made = params.build(Settings, {"crops": "64x16+128x4", "rate": "1e-3", "compile": "yes"}, owner="x")
    assert (made.crops, made.rate, made.compile) == (("64x16", "128x4"), 0.001, True)
    with pytest.raises(UsageError, match="No parameter 'rat' in x. Did you mean 'rate'"):
        params.build(Settings, {"rat": "1"}, owner="x")
    with pytest.raises(UsageError, match="precision must be one of bf16, fp32, got fp16"):
        params.build(Settings, {"precision": "fp16"}, owner="x")
