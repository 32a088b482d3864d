"""What a method draws depends on names and the run's seed alone."""

from dataclasses import replace

import pytest
import torch

from benchhost.cell import Runtime, run_batch
from benchhost.store import read_estimate


@pytest.fixture
def drawn(catalogue, plan, tmp_path):
    """What ``synthetic-dither`` adds to A+ y in its first cell, with other facts of the cell."""

    def estimate(method: str, **other) -> torch.Tensor:
        (cell,) = plan(method, limit=1)
        cell, records = replace(cell, **other), []
        run_batch([cell], Runtime(catalogue=catalogue, results=tmp_path), records.append)
        assert records[0]["status"] == "ok", records[0]["reason"]
        return read_estimate(tmp_path, cell.key)

    return lambda **other: estimate("synthetic-dither", **other) - estimate("synthetic-pinv", **other)


def test_an_edit_that_moves_the_keys_does_not_change_what_a_method_draws(drawn):
    moved = drawn(key="0" * 40, measurement_key="1" * 40)
    assert moved.abs().max() > 0
    assert torch.equal(moved, drawn())


@pytest.mark.parametrize("other", [{"seed": 1}, {"repeat": 1}])
def test_another_seed_or_repetition_makes_a_method_draw_anew(drawn, other):
    assert (drawn(**other) - drawn()).abs().max() > 1e-4
