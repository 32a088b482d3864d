"""The side of benchhost in docs/comparison: what is left after each fault."""

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "docs" / "comparison" / "compare.py"


@pytest.fixture(scope="module")
def left(tmp_path_factory) -> dict[str, str]:
    spec = importlib.util.spec_from_file_location("compare", SCRIPT)
    compare = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "compare", compare)  # where its dataclass looks for what its annotations name
        spec.loader.exec_module(compare)
        return compare.faults(compare.Benchhost(tmp_path_factory.mktemp("sides")))


@pytest.mark.parametrize(
    ("fault", "row"),
    [
        ("a solver raises", "trivial-raises: failed, ValueError: it cannot be done"),
        ("a solver hangs", "trivial-hangs: timeout, 3 s per image exceeded"),
        ("a solver is killed", "trivial-kills: crashed, signal SIGKILL"),
    ],
)
def test_a_solver_that_fails_is_a_row_beside_the_one_that_works(left, fault, row):
    assert "trivial-pinv: 8.0929; " in left[fault]
    assert row in left[fault]
    assert "exit code 1" in left[fault]


def test_an_edited_module_that_solvers_share_makes_a_new_number(left):
    before, after = left["a module that solvers share is edited"].split(" before, ")
    assert "8.0929" in before
    assert "8.0929" not in after
    assert "trivial-pinv: " in after
