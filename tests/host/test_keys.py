"""Content keys: pinned, stable, and moved by any change of code."""

import sys
from dataclasses import replace

import pytest

from benchhost import keys
from benchhost.config import RunConfig
from benchhost.plan import make_plan
from benchhost.selection import parse_methods, parse_tasks
from tests.host.toy import make_catalogue

# KEY_VERSION -> digest of a fixed value.  A change here is a change of every key: raise KEY_VERSION and add a line.
GOLDEN = {1: "a9cfaa898b593bdbb3cdbab9176ca2228a7663f4"}
GOLDEN_CELL = {1: ("d4509a10dca9c4bd", "9b3d4bd2e2fd18be")}


def test_the_digest_of_a_fixed_value_is_pinned_for_this_key_version():
    value = {"b": [1, 2.5, "x", None, True], "a": {"ü": 0.1}}
    assert keys.canonical(value) == '{"a":{"\\u00fc":0.1},"b":[1,2.5,"x",null,true]}'
    assert keys.digest(value).startswith(GOLDEN[keys.KEY_VERSION])


def test_nan_cannot_enter_a_key():
    with pytest.raises(ValueError):
        keys.digest(float("nan"))


def cell_keys(monkeypatch, **codes):
    monkeypatch.setattr(keys, "measurement_code", lambda target: codes.get("task", "T"))
    monkeypatch.setattr(keys, "reconstruction_code", lambda target: codes.get("method", "M"))
    monkeypatch.setattr(keys, "reader_code", lambda reader: "R")
    catalogue = make_catalogue()
    if "weights" in codes:
        catalogue.methods["dip"] = replace(catalogue.methods["dip"], weights=codes["weights"])
    tasks = tuple(parse_tasks("cs", catalogue))
    config = RunConfig(tasks=tasks, methods=tuple(parse_methods("dip", catalogue)), device=codes.get("device", "cpu"))
    cell = make_plan(config, catalogue).cells[0]
    return cell.measurement_key, cell.key


def test_the_keys_of_a_fixed_cell_are_pinned(monkeypatch):
    measurement, key = cell_keys(monkeypatch)
    assert (measurement[:16], key[:16]) == GOLDEN_CELL[keys.KEY_VERSION]


def test_code_of_the_task_moves_both_keys_and_code_of_the_method_only_its_own(monkeypatch):
    measurement, key = cell_keys(monkeypatch)
    assert cell_keys(monkeypatch, task="T2")[0] != measurement
    assert cell_keys(monkeypatch, method="M2")[0] == measurement
    assert cell_keys(monkeypatch, method="M2")[1] != key


def test_the_device_class_moves_the_key_but_not_its_number(monkeypatch):
    assert cell_keys(monkeypatch, device="cuda:0")[1] == cell_keys(monkeypatch, device="cuda:1")[1]
    assert cell_keys(monkeypatch, device="cuda")[1] != cell_keys(monkeypatch, device="cpu")[1]


def test_editing_a_shared_module_of_a_plugin_changes_its_code_digest(tmp_path, monkeypatch):
    package = tmp_path / "edited_plugin"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "method.py").write_text("from edited_plugin.shared import GAIN\n")
    (package / "shared.py").write_text("GAIN = 1.0\n")
    monkeypatch.syspath_prepend(tmp_path)
    before = keys.code_digest("edited_plugin.method:M")
    (package / "shared.py").write_text("GAIN = 2.0\n")
    keys.clear()
    assert keys.code_digest("edited_plugin.method:M") != before
    sys.modules.pop("edited_plugin", None)
    keys.clear()


@pytest.mark.parametrize(
    ("file", "moved"),
    [("report/table.py", False), ("cli/run.py", False), ("data/readers.py", True), ("physics/a.py", True)],
)
def test_an_edit_of_the_host_moves_a_measurement_only_where_it_can_change_one(tmp_path, monkeypatch, file, moved):
    host = tmp_path / "benchhost"
    for name in ("report/table.py", "cli/run.py", "data/readers.py", "physics/a.py", "keys.py"):
        (host / name).parent.mkdir(parents=True, exist_ok=True)
        (host / name).write_text("X = 1\n")
    monkeypatch.setattr(keys, "__file__", str(host / "keys.py"))

    def code():
        keys.clear()
        return keys.measurement_code("benchhost_tasks.cs:BlockSensing"), keys.reader_code(
            "benchhost.data.readers:image"
        )

    before = code()
    (host / file).write_text("X = 2\n")
    assert (code() != before) is moved
    keys.clear()


def test_a_reader_of_somebody_else_counts_with_its_package(tmp_path, monkeypatch):
    (tmp_path / "their_reader.py").write_text("def read(): ...\n")
    monkeypatch.syspath_prepend(tmp_path)
    keys.clear()
    before = keys.reader_code("their_reader:read")
    (tmp_path / "their_reader.py").write_text("def read(): return 1\n")
    keys.clear()
    assert keys.reader_code("their_reader:read") != before
    keys.clear()
