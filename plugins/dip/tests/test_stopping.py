"""The rules on synthetic series of residuals and outputs; none of them can see an image's truth."""

import inspect

import numpy as np
import pytest
import torch
from benchhost_dip.stopping import Discrepancy, RunToTheEnd, StopRule, Validation, WindowedVariance
from torch import Generator

BLANK = torch.zeros(1, 1, 4, 4)


def feed(rule, residuals=None, held_out=None, outputs=None, steps=10_000):
    """The step at which the rule stopped (None: never), and the last step it wanted kept."""
    kept = None
    for step in range(1, steps + 1):
        verdict = rule.update(
            step,
            residual=1.0 if residuals is None else residuals(step),
            held_out=None if held_out is None else held_out(step),
            output=BLANK if outputs is None else outputs(step),
        )
        kept = step if verdict.keep else kept
        if verdict.stop:
            return step, kept
    return None, kept


@pytest.mark.parametrize("rule", [Discrepancy, RunToTheEnd, Validation, WindowedVariance])
def test_rules_are_told_residuals_and_outputs_only(rule):
    allowed = set(inspect.signature(StopRule.update).parameters)
    assert allowed == {"self", "step", "residual", "held_out", "output"}
    assert set(inspect.signature(rule.update).parameters) == allowed
    assert not {"x", "truth", "problem"} & set(inspect.signature(rule.__init__).parameters)


def test_discrepancy_stops_where_the_residual_meets_the_noise_level():
    stop, kept = feed(Discrepancy(0.1, memory=0.0), residuals=lambda t: 1 / t)
    assert stop == kept == 100


def test_discrepancy_scales_with_tau():
    assert feed(Discrepancy(0.1, tau=2.0, memory=0.0), residuals=lambda t: 1 / t)[0] == 50


def test_discrepancy_is_not_fooled_by_a_single_small_residual():
    stop, _ = feed(Discrepancy(0.1), residuals=lambda t: 0.0 if t == 50 else 0.02, steps=500)
    assert stop is None


def test_discrepancy_refuses_exact_measurements():
    with pytest.raises(ValueError, match="noise level above zero"):
        Discrepancy(0.0)


def test_validation_keeps_the_minimum_and_stops_after_its_patience():
    stop, kept = feed(Validation(patience=80, memory=0.0), held_out=lambda t: (t - 200) ** 2)
    assert (stop, kept) == (280, 200)


def test_validation_finds_the_turn_under_noise():
    noise = np.random.RandomState(0).standard_normal(10_000)
    stop, kept = feed(Validation(patience=150), held_out=lambda t: 1 + (t / 300 - 1) ** 2 + 0.05 * noise[t - 1])
    # An average over 50 steps lags by about as many; its minimum is flat.
    assert 250 <= kept <= 420
    assert stop is not None


def test_validation_needs_held_out_entries():
    with pytest.raises(ValueError, match="holdout"):
        Validation(patience=5).update(1, residual=1.0, held_out=None, output=BLANK)


def test_the_running_variance_equals_the_variance_of_the_window():
    rng = Generator().manual_seed(0)
    outputs = [torch.rand(1, 2, 5, 5, generator=rng) for _ in range(25)]
    rule = WindowedVariance(rng, window=10, floor=0, entries=50)
    for step, output in enumerate(outputs, 1):
        variance = rule._variance(step, output.flatten())
        if step >= 10:
            window = torch.stack(outputs[step - 10 : step]).double()
            expected = float((window - window.mean(0)).square().mean())
            assert variance == pytest.approx(expected, rel=1e-9)


def shrinking(turn):
    """Outputs that jitter less and less up to ``turn``, and more after it."""
    rng = np.random.RandomState(0)
    noise = torch.from_numpy(rng.standard_normal((2000, 1, 1, 8, 8)))
    return lambda t: noise[t - 1] * (0.01 + abs(t - turn) / 1000)


def test_the_variance_rule_finds_the_quietest_window():
    stop, kept = feed(WindowedVariance(Generator(), window=40, patience=150, floor=100), outputs=shrinking(400))
    # The window that lies around the turn ends half a window after it.
    assert 400 <= kept <= 440
    assert stop == kept + 150


def test_the_variance_rule_ignores_the_warm_up():
    stop, kept = feed(WindowedVariance(Generator(), window=20, patience=100, floor=300), outputs=shrinking(50))
    assert kept >= 300
    assert stop == kept + 100


def test_the_variance_rule_sticks_to_the_first_confirmed_minimum():
    rng = np.random.RandomState(0)
    noise = torch.from_numpy(rng.standard_normal((2000, 1, 1, 8, 8)))
    spread = lambda t: 0.1 if 100 <= t <= 200 else (1.0 if t < 900 else 0.001)  # noqa: E731
    stop, kept = feed(
        WindowedVariance(Generator(), window=20, patience=200, floor=50), outputs=lambda t: noise[t - 1] * spread(t)
    )
    assert kept <= 220
    assert stop <= 420


def test_running_to_the_end_never_stops():
    assert feed(RunToTheEnd(), steps=50) == (None, None)
