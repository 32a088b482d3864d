"""Reconstructions, exports and the description of the machine."""

import json

import pandas as pd
import pytest
import torch

from benchhost.errors import UsageError
from benchhost.store import Store, capture, export, read_estimate, write_estimate
from benchhost.store.environment import environment_id

KEY = "ab" + "0" * 38


def test_a_reconstruction_is_a_float32_file_named_by_its_key(tmp_path):
    estimate = torch.linspace(-1, 2, 48, dtype=torch.float64).reshape(1, 3, 4, 4)
    relative = write_estimate(tmp_path, KEY, estimate, {"physics_id": "p"})
    assert relative == f"reconstructions/ab/{KEY}.safetensors"
    assert torch.equal(read_estimate(tmp_path, KEY), estimate.float())
    assert [path.name for path in (tmp_path / "reconstructions" / "ab").iterdir()] == [f"{KEY}.safetensors"]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch):
    write_estimate(tmp_path, KEY, torch.ones(1, 1, 2, 2))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("benchhost.store.artifacts.os.fsync", full)
    with pytest.raises(OSError, match="No space left"):
        write_estimate(tmp_path, KEY, torch.zeros(1, 1, 2, 2))
    assert torch.equal(read_estimate(tmp_path, KEY), torch.ones(1, 1, 2, 2))
    assert len(list((tmp_path / "reconstructions" / "ab").iterdir())) == 1


def test_half_a_reconstruction_is_not_read(tmp_path):
    path = tmp_path / write_estimate(tmp_path, KEY, torch.ones(1, 1, 8, 8))
    path.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="is not a whole reconstruction"):
        read_estimate(tmp_path, KEY)


@pytest.mark.parametrize("suffix", ["parquet", "csv", "json"])
def test_an_exported_frame_reads_back_as_it_was(tmp_path, cells, ok, suffix):
    planned = cells(2)
    with Store.open(tmp_path) as store:
        run = store.begin_run({}, planned, environment={})
        store.add(run, planned[0], ok(planned[0], 31.123456789012))
        frame = store.frame(run)
    path = export(frame, tmp_path / f"out/frame.{suffix}")
    readers = {"parquet": pd.read_parquet, "csv": pd.read_csv, "json": pd.read_json}
    back = readers[suffix](path)
    assert list(back.columns) == list(frame.columns)
    assert back["value"].tolist()[:2] == frame["value"].tolist()[:2]
    assert back["value"].isna().tolist() == frame["value"].isna().tolist()
    assert back["status"].tolist() == frame["status"].tolist()
    if suffix == "parquet":
        pd.testing.assert_frame_equal(back, frame, check_dtype=False)


def test_an_unknown_export_format_names_the_known_ones(tmp_path):
    with pytest.raises(UsageError, match=r"ending must be one of \.parquet, \.csv, \.json"):
        export(pd.DataFrame(), tmp_path / "frame.xlsx")


def test_the_environment_says_what_a_reader_needs_and_is_json():
    facts = capture()
    assert json.loads(json.dumps(facts)) == facts
    assert facts["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert facts["cpu"]
    assert facts["memory_gb"] > 0
    assert "numpy" in facts["packages"]
    assert environment_id(facts) == environment_id(dict(reversed(facts.items())))
    assert environment_id(facts) != environment_id({**facts, "torch": "0"})
