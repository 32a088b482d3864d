"""The reference results: run files leave out nothing promised; README and tables are what the records give."""

import importlib.util
from pathlib import Path

import pytest

from benchhost.config import read_toml
from benchhost.plugins import load

FOLDER = Path(__file__).parents[2] / "results" / "reference"
SETS = ("set11", "bsd68", "set5", "set14", "classic5", "brain_mri", "ct_slices", "urban100")


@pytest.fixture(scope="module")
def catalogue():
    return load()


def asked(name):
    return read_toml(FOLDER / f"{name}.toml")


@pytest.mark.parametrize("name", SETS)
def test_quick_and_slow_methods_meet_the_same_conditions_and_are_together_all_there_are(name, catalogue):
    quick, slow = asked(name), asked(f"{name}-slow")
    methods = [ask.name for ask in (*quick.pop("methods"), *slow.pop("methods"))]
    assert sorted(methods) == sorted(catalogue.methods)
    assert quick == slow
    assert quick["datasets"] == (name,)


def test_every_standard_level_of_every_task_is_run_on_a_set_of_the_literature(catalogue):
    whole = {ask.name for name in SETS for ask in asked(name)["tasks"] if ask.all_levels}
    assert whole == set(catalogue.tasks)
    assert [(ask.name, ask.all_levels) for ask in asked("embedded")["tasks"]] == [("all", True)]


def test_the_limits_are_those_that_are_promised():
    limits = {name: asked(name).get("limit") for name in SETS}
    assert {name: n for name, n in limits.items() if n} == {"brain_mri": 25, "urban100": 50}


@pytest.fixture(scope="module")
def make():
    """The command that makes tables and figures."""
    spec = importlib.util.spec_from_file_location("make_reference", FOLDER / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def results(make):
    return make.records()


def test_the_readme_shows_what_the_records_give(make, results):
    text = make.README.read_text()
    assert make.readme(text, make.block(results)) == text


def test_the_main_table_holds_the_means_of_the_records(make, results):
    model = make.main_table(results)
    frame = results.frame
    cell = frame[(frame["task"] == "cs") & (frame["level"] == "ratio=0.1") & (frame["dataset"] == "set11")]
    mean = cell[(cell["method"] == "idm") & (cell["metric"] == "psnr")]["value"].astype(float).mean()
    column = [column.title for column in model.columns].index("Set11 cs 10 %")
    row = next(row for row in model.rows if row.cells[0].text == "idm")
    assert row.cells[column].text == f"{mean:.2f}"


def test_committed_tables_are_those_of_the_records(make, results, catalogue, tmp_path):
    """Not CSV, whose last digits are the processor's."""
    made = {path.relative_to(tmp_path) for path in make.tables(results, tmp_path, catalogue)}
    committed = FOLDER / "tables"
    assert made == {path.relative_to(committed) for path in committed.rglob("*.*") if path.is_file()}
    for name in made:
        if name.suffix != ".csv":
            assert (committed / name).read_text() == (tmp_path / name).read_text(), name


def test_the_figures_of_the_readme_are_there(make):
    for name in make.FIGURES:
        assert (FOLDER / "figures" / f"{name}.png").stat().st_size < 200_000


def test_a_readme_without_marks_is_refused(make):
    with pytest.raises(ValueError, match="lacks the marks"):
        make.readme("# benchhost\n", "a table")
