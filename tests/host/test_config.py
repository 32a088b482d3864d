"""TOML run files say the same as the command line, and unknown keys are refused."""

import pytest

from benchhost.config import RunConfig, read_toml
from benchhost.errors import UsageError
from benchhost.plan import make_plan
from benchhost.selection import parse_methods, parse_tasks
from tests.host.toy import make_catalogue

TEXT = """
datasets = ["tiny"]
methods = ["pinv"]

[run]
seed = 3
limit = 2
device = "cpu"

[[tasks]]
use = "cs"
ratio = [0.1, 0.25]
"""


def write(tmp_path, text):
    path = tmp_path / "bench.toml"
    path.write_text(text)
    return path


def test_a_run_file_plans_the_same_cells_as_the_command_line(tmp_path):
    catalogue = make_catalogue()
    from_file = make_plan(RunConfig(**read_toml(write(tmp_path, TEXT))), catalogue)
    by_hand = RunConfig(
        tasks=tuple(parse_tasks("cs:ratio=0.1,0.25", catalogue)),
        methods=tuple(parse_methods("pinv", catalogue)),
        datasets=("tiny",),
        seed=3,
        limit=2,
        device="cpu",
    )
    assert [c.key for c in from_file.cells] == [c.key for c in make_plan(by_hand, catalogue).cells]


def test_levels_all_and_a_label_can_be_said_in_toml(tmp_path):
    text = '[[tasks]]\nuse = "cs"\nlevels = "all"\n[[methods]]\nuse = "dip"\npreset = "paper"\nlabel = "DIP (paper)"\n'
    made = make_plan(RunConfig(**read_toml(write(tmp_path, text)), device="cpu"), make_catalogue())
    assert len(made.tasks) == 3
    assert {cell.method_label for cell in made.cells} == {"DIP (paper)"}
    assert made.cells[0].method_params["iterations"] == 3000


def test_plugin_paths_are_relative_to_the_file(tmp_path):
    assert read_toml(write(tmp_path, 'plugins = ["mine.py", "module"]'))["plugins"] == (
        str(tmp_path / "mine.py"),
        "module",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("taks = []", "No key 'taks' in .*bench.toml. Did you mean 'tasks'"),
        ("[run]\nsede = 1", "No key 'sede' in .*Did you mean 'seed'"),
        ("[run]\nseed = 'x'", "seed must be int, got 'x'"),
        ("[run]\ntimeout = true", "timeout must be float, got True"),
        ("[[tasks]]\nratio = 0.1", 'each entry needs use = "NAME"'),
        ("tasks = 'cs'", "tasks must be a list"),
        ("datasets = [1]", "datasets must be a list of names"),
        ("= 3", "not valid TOML"),
        ('[[tasks]]\nuse = "cs"\nlevels = "some"', 'levels must be "all"'),
    ],
)
def test_a_wrong_run_file_is_refused_with_place_and_reason(tmp_path, text, words):
    with pytest.raises(UsageError, match=words):
        read_toml(write(tmp_path, text))


def test_a_missing_run_file_is_named(tmp_path):
    with pytest.raises(UsageError, match="no run file"):
        read_toml(tmp_path / "none.toml")
