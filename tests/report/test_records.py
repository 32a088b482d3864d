"""A run in one file: the same tables as from its store, and nothing of the place where it lay."""

import json

import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from benchhost.cli.main import cli
from benchhost.errors import UsageError
from benchhost.report.records import read_records, write_records
from benchhost.report.results import Results
from benchhost.report.synthetic import main, synthetic
from benchhost.runs import open_results
from benchhost.store import Store

RUN = ["run", "--limit", "2", "--report", "none", "--workers", "1", "--no-isolation", "--save", "none"]


def command(*arguments):
    done = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the records of two runs: (folder, [files])."""
    folder = tmp_path_factory.mktemp("records")
    files = []
    for number, methods in enumerate(("baseline", "pinv")):
        results = str(folder / f"r{number}")
        command(*RUN, "--tasks", "denoise,cs", "--methods", methods, "--results", results)
        files.append(folder / f"part{number}.parquet")
        command("export", str(files[-1]), "--results", results)
    return folder, files


def test_a_table_from_records_is_the_table_from_the_store(place, tmp_path):
    folder, files = place
    written = {}
    for name, source in (("store", ["--results", str(folder / "r0")]), ("records", ["--records", str(files[0])])):
        command("report", "--to", "markdown,latex,csv", "--out", str(tmp_path / name), *source)
        written[name] = {
            path.name: path.read_text().replace(f"- results: {folder / 'r0'}\n", "")
            for path in (tmp_path / name).rglob("*.*")
            if path.is_file()
        }
    assert written["store"].keys() == written["records"].keys()
    assert written["store"] == written["records"]


def test_records_of_two_runs_are_laid_together(place, tmp_path):
    _, files = place
    together = read_records(files)
    assert set(together.frame["method"]) == {"baseline", "pinv"}
    parts = [read_records([file]).run for file in files]
    assert together.run["run_id"] == f"{parts[0]['run_id']} + {parts[1]['run_id']}"
    assert all(part["command"] in together.run["command"] for part in parts)
    command("report", "--to", "markdown", "--out", str(tmp_path), *(f"--records={file}" for file in files))
    (page,) = tmp_path.glob("*.md")
    assert all(name in page.read_text() for name in ("baseline", "pinv"))


def test_records_say_nothing_of_the_place(place):
    folder, files = place
    facts = pq.read_schema(files[0]).metadata[b"benchhost"].decode()
    assert str(folder) not in json.dumps(json.loads(facts)["config"])
    assert {"cwd", "results", "store"}.isdisjoint(json.loads(facts))
    assert "host" not in json.loads(facts)["environment"]


@pytest.mark.parametrize(
    "given", ["--results /home/me/r", "--store='postgresql://me:secret@db/x y'", "--results '/a b'"]
)
def test_the_command_in_records_names_neither_folder_nor_store(given, tmp_path):
    made = synthetic(images=1)
    run = {**made.run, "command": f"benchhost run --tasks cs {given} --methods tv"}
    path = write_records(Results(frame=made.frame, run=run), tmp_path / "records.parquet")
    assert read_records([path]).run["command"] == "benchhost run --tasks cs --methods tv"


def test_values_come_back_to_the_last_digit(place):
    folder, files = place
    with Store.open(folder / "r0") as store:
        frame = open_results(store).frame
    pd.testing.assert_frame_equal(read_records(files[:1]).frame, frame, check_dtype=False)


def test_what_cannot_be_reported_from_is_named(place, tmp_path):
    _, files = place
    with pytest.raises(UsageError, match=r"no records '.*none.parquet'"):
        read_records([tmp_path / "none.parquet"])
    (tmp_path / "cut.parquet").write_bytes(files[0].read_bytes()[:1000])
    with pytest.raises(UsageError, match=r"cut.parquet' is damaged"):
        read_records([tmp_path / "cut.parquet"])
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(UsageError, match=r"other.parquet' holds no run"):
        read_records([tmp_path / "other.parquet"])


def test_runs_of_other_seeds_are_not_compared(place, tmp_path):
    _, files = place
    found = read_records(files[:1])
    found.run["seed"] = 5
    other = write_records(found, tmp_path / "other.parquet")
    with pytest.raises(UsageError, match=r"do not belong in one table: .* has seed 0, .* has seed 5"):
        read_records([files[0], other])


def test_records_stand_instead_of_a_store(place):
    with pytest.raises(UsageError, match="--records stands instead of a store"):
        CliRunner().invoke(cli, ["report", "some-run", "--records", str(place[1][0])], catch_exceptions=False)


def test_synthetic_records_of_a_size_are_reported_from(tmp_path):
    main(["8000", str(tmp_path / "drawn.parquet")])
    assert 8000 <= len(read_records([tmp_path / "drawn.parquet"]).frame) < 8000 + 3840
    command("report", "--to", "latex", "--out", str(tmp_path / "out"), "--records", str(tmp_path / "drawn.parquet"))
    assert "method19" in "".join(path.read_text() for path in (tmp_path / "out").rglob("*.tex"))
