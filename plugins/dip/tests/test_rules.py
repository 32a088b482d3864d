"""All stopping rules on the same fits."""

import benchhost_dip.rules as module
import pytest
import torch
from benchhost_dip.method import Dip
from benchhost_dip.params import DipParams
from benchhost_dip.rules import END, LAST, fits, table

from benchhost.params import build
from benchhost.physics.diagonal import Identity
from benchhost.types import Problem

SIGMA = 0.1
STEPS = {"iterations": 60, "patience": 10}


def pose(seed=0, side=32, sigma=SIGMA):
    rng = torch.Generator().manual_seed(seed)
    slope = torch.linspace(0.2, 0.8, side).expand(1, 1, side, side)
    y = slope + 0.1 * torch.randn((1, 1, side, side), generator=rng)
    return Problem(
        y=y,
        physics=Identity((1, side, side)),
        sigma=sigma,
        image_shape=(1, side, side),
        rng=torch.Generator().manual_seed(7),
        task="denoise",
        task_params={"sigma": 255 * SIGMA},
    )


def test_a_watched_rule_returns_what_the_method_with_that_rule_returns():
    found = fits(pose(), networks=2, **STEPS)
    for rule in ("none", "discrepancy", "validation"):
        alone = Dip(build(DipParams, {**STEPS, "stop": rule}, owner="dip")).reconstruct(pose())
        torch.testing.assert_close(found.estimates[rule], alone, msg=rule)
    two = Dip(build(DipParams, {**STEPS, "stop": "discrepancy", "seeds": 2}, owner="dip")).reconstruct(pose())
    torch.testing.assert_close(found.estimates["discrepancy, 2 networks"], two)


def test_outputs_beside_averages_are_those_of_the_same_step():
    found = fits(pose(), networks=1, **STEPS)
    last = Dip(build(DipParams, {**STEPS, "stop": "none", "ema": 0.0}, owner="dip")).reconstruct(pose())
    torch.testing.assert_close(found.estimates[LAST + END], last)
    assert not torch.equal(found.estimates[LAST + "discrepancy"], found.estimates["discrepancy"])
    assert found.steps["discrepancy"] < 60
    assert END not in found.steps
    assert not [name for name in found.estimates if "networks" in name]


def test_rules_need_one_measurement_with_known_noise():
    with pytest.raises(ValueError, match="one measurement with known noise"):
        fits(pose(sigma=None))


def test_the_table_goes_on_from_what_was_kept(tmp_path, monkeypatch):
    first = table(25, "embedded-grey", limit=1, networks=1, keep=tmp_path, iterations=20)
    assert first.loc["best average", "PSNR"] >= first.loc[END, "PSNR"] > 5
    assert {"discrepancy", "variance", "validation", LAST + END} <= set(first.index)
    monkeypatch.setattr(module, "fits", lambda *_, **__: pytest.fail("fitted again"))
    again = table(25, "embedded-grey", limit=1, networks=1, keep=tmp_path, iterations=20)
    assert again.equals(first)
