"""Planning: what becomes a cell, what is skipped, what is refused; and its keys."""

import subprocess
import sys
import time

import pytest

from benchhost.config import RunConfig
from benchhost.errors import UsageError
from benchhost.plan import Cell, make_plan
from benchhost.selection import parse_methods, parse_tasks
from tests.host.toy import make_catalogue


def plan(tasks, methods, catalogue=None, **options):
    catalogue = catalogue or make_catalogue()
    config = RunConfig(
        tasks=tuple(parse_tasks(tasks, catalogue)),
        methods=tuple(parse_methods(methods, catalogue)),
        device="cpu",
        **options,
    )
    return make_plan(config, catalogue)


def test_the_cross_product_becomes_cells_grouped_in_batches():
    made = plan("cs:all", "dip,pinv", repeats=2)
    assert len(made.cells) == 3 * 2 * 2 * 3
    assert [len(batch) for batch in made.batches()] == [3] * 12


def test_the_limit_takes_the_first_images():
    assert [cell.image for cell in plan("cs", "pinv", limit=2).cells] == ["i0", "i1"]


def test_a_method_that_lacks_a_capability_is_skipped_with_the_reason():
    made = plan("cs,jpeg", "dip,pinv")
    skipped = [cell for cell in made.cells if cell.skip]
    assert {(cell.task, cell.method) for cell in skipped} == {("jpeg", "pinv")}
    assert "needs pinv (A_dagger" in skipped[0].skip


def test_a_method_that_can_run_nowhere_is_an_error_unless_asked_to_keep_going():
    with pytest.raises(UsageError, match="method 'pinv' can run nowhere .* needs pinv"):
        plan("jpeg", "dip,pinv")
    assert len(plan("jpeg", "dip,pinv", keep_going=True).cells) == 6


def test_all_methods_may_include_some_that_can_run_nowhere():
    cells = plan("jpeg", "all").cells
    assert {cell.method for cell in cells if cell.skip} == {"pinv"}
    assert "dip" in {cell.method for cell in cells if not cell.skip}


def test_training_data_is_never_scored():
    with pytest.raises(UsageError, match="'train' is training data"):
        plan("cs", "pinv", datasets=("train",))


def test_a_dataset_of_another_kind_is_refused_with_the_default_named():
    with pytest.raises(
        UsageError, match="takes natural images; none of the datasets asked for .* Its own default: tiny"
    ):
        plan("cs", "pinv", datasets=("brain",))


def test_an_unknown_dataset_names_the_nearest():
    with pytest.raises(UsageError, match="No dataset 'tinny'. Did you mean 'tiny'"):
        plan("cs", "pinv", datasets=("tinny",))


def test_every_part_of_a_cell_moves_its_key():
    base = plan("cs:ratio=0.1", "dip").cells[0]
    for tasks, methods, options in (
        ("cs:ratio=0.1,sigma=1", "dip", {}),
        ("cs:ratio=0.1", "dip", {"seed": 1}),
    ):
        other = plan(tasks, methods, **options).cells[0]
        assert other.measurement_key != base.measurement_key
        assert other.key != base.key
    other = plan("cs:ratio=0.1", "dip:iterations=7").cells[0]
    assert other.measurement_key == base.measurement_key, "the method must never move the measurement"
    assert other.key != base.key
    assert len({cell.key for cell in plan("cs:ratio=0.1", "dip", repeats=2).cells}) == 6


def test_spelling_defaults_out_does_not_move_the_key():
    assert plan("cs", "dip").cells[0].key == plan("cs:ratio=0.25,sigma=0", "dip:iterations=600").cells[0].key


def test_the_same_cell_asked_for_twice_is_planned_once():
    assert len(plan("cs:ratio=0.25,cs", "dip,dip:preset=fast").cells) == 3


def test_a_cell_survives_the_way_to_a_child_process():
    cell = plan("cs", "dip").cells[0]
    assert Cell.from_json(cell.to_json()) == cell


def test_planning_100_000_cells_takes_under_5_seconds():
    catalogue = make_catalogue(images=10_000)
    start = time.process_time()  # a busy machine is no fault of the planner
    made = plan("cs:ratio=0.1,0.2,0.3,0.4,0.5", "dip,pinv", catalogue)
    assert len(made.cells) == 100_000
    assert time.process_time() - start < 5


def test_planning_imports_neither_torch_nor_pandas():
    code = (
        "import sys; from tests.host.test_plan import plan; plan('cs:all', 'dip,pinv');"
        "print([m for m in ('torch', 'pandas', 'scipy', 'skimage', 'matplotlib') if m in sys.modules])"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[]"
