"""The task contract catches each way of breaking it."""

from dataclasses import replace

import pytest
import torch

from benchhost.errors import UsageError
from benchhost.execute.contract import ContractBroken
from benchhost.plugins import load
from benchhost.testing import synthetic, tasks
from benchhost.testing.tasks import assert_operator, assert_task
from benchhost.types import View

CATALOGUE = load(["benchhost.testing.synthetic"])
TASK = CATALOGUE.task("synthetic")


def spoil(monkeypatch, change):
    """Let ``change(posed, seeds)`` have the last word on what the synthetic task poses."""
    honest = synthetic.Average.pose
    monkeypatch.setattr(synthetic.Average, "pose", lambda self, item, seeds: change(honest(self, item, seeds), seeds))


def test_an_honest_task_passes_at_every_level():
    for level in TASK.levels:
        assert_operator(assert_task(TASK, CATALOGUE, level))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda p, s: replace(p, y=p.y + torch.rand(p.y.shape)), "global random generator"),
        (lambda p, s: replace(p, y=p.y.double()), "y is torch.float64"),
        (lambda p, s: replace(p, truth=p.truth[..., 1:]), "truth has shape"),
        (lambda p, s: replace(p, sigma=10 * p.sigma), None),
        (lambda p, s: replace(p, sigma=0.1 * p.sigma), "sigma is"),
        (lambda p, s: replace(p, sigma=None), "sigma is None"),
        (lambda p, s: replace(p, sigma=0.0, y=p.y + 1), "differs from A x by"),
        (lambda p, s: replace(p, value_range=(0.0, 0.5)), "leaves value_range"),
        (
            lambda p, s: replace(p, view=lambda e: View(estimate=p.view(e).estimate / 2, truth=p.view(e).truth)),
            "view of",
        ),
        (lambda p, s: replace(p, y=p.y + float("nan")), "two measurements"),
    ],
)
def test_a_breach_is_named(monkeypatch, change, words):
    spoil(monkeypatch, change)
    if words is None:  # noise that is less than promised can be that of entries that are not measured
        assert_task(TASK, CATALOGUE)
        return
    with pytest.raises(ContractBroken, match=words):
        assert_task(TASK, CATALOGUE)


def test_a_measurement_that_changes_from_call_to_call_is_a_breach(monkeypatch):
    calls = []

    def change(posed, seeds):
        calls.append(1)
        return replace(posed, y=posed.y + 1e-3 * len(calls))

    spoil(monkeypatch, change)
    with pytest.raises(ContractBroken, match="two measurements"):
        assert_task(TASK, CATALOGUE)


def test_a_capability_the_operator_lacks_is_a_breach():
    with pytest.raises(ContractBroken, match=r"offers \['svd'\]"):
        assert_task(replace(TASK, offers=TASK.offers | {"svd"}), CATALOGUE)


@pytest.mark.parametrize(
    ("facts", "error", "words"),
    [
        ({"default_level": 7}, ContractBroken, "default_level 7 is none of 2"),
        ({"offers": frozenset({"liner"})}, ContractBroken, "no method can ask"),
        ({"datasets": ("embedded-ct",)}, ContractBroken, "is of kind 'ct'"),
        ({"metrics": ("psnr/255/clip_rond",)}, UsageError, "Did you mean 'psnr/255/clip_round'"),
        ({"levels": ({"faktor": 2},)}, UsageError, "Did you mean 'factor'"),
    ],
)
def test_a_record_that_cannot_work_is_named(facts, error, words):
    with pytest.raises(error, match=words):
        tasks.assert_record(replace(TASK, **facts), CATALOGUE)
