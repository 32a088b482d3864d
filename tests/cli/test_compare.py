"""``benchhost compare`` and the options of ``benchhost report``: what names a side, exit codes, errors."""

import hashlib
import json

import numpy as np
import pytest
from click.testing import CliRunner

from benchhost.cli.main import cli
from benchhost.errors import UsageError
from benchhost.execute.record import blank
from benchhost.plan import Cell
from benchhost.store import Store
from benchhost.types import Metric

PSNR = Metric(id="psnr/255/clip", target="a:b", summary="", higher_is_better=True, unit="dB")
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def record_run(folder, tag, gain=0.0, *, methods=("tv", "dip"), images=7, commit=COMMIT):
    """A finished run in the store of ``folder``; ``gain`` lifts tv.  Returns its id."""
    rng = np.random.RandomState(0)
    level = 30 + rng.randn(images)  # some images are harder for every method
    with Store.open(folder) as store:
        cells = []
        for method in methods:
            for image in range(images):
                key = hashlib.blake2b(f"{tag}{method}{image}".encode(), digest_size=20).hexdigest()
                facts = {"task": "cs", "task_params": {"ratio": 0.1}, "level": "ratio=0.1", "dataset": "set11"}
                facts |= {"image": f"{image}.tif", "repeat": 0, "seed": 0, "method": method, "method_params": {}}
                facts |= {"method_label": method, "metrics": (PSNR.id,), "measurement_key": key[::-1], "key": key}
                cells.append(Cell(**facts))
        environment = {"cpu": "test", "git": {"commit": commit, "dirty": False}}
        facts = {"command": f"benchhost run {tag}", "seed": 0}
        run = store.begin_run(facts, cells, metrics={PSNR.id: PSNR}, environment=environment)
        for cell in cells:
            said = {"metric": PSNR.id, "version": 1, "higher_is_better": True, "unit": "dB", "decimals": 2}
            value = (
                level[int(cell.image[0])]
                + 0.05 * rng.randn()
                + (gain if cell.method == "tv" else 0)
                + (1 if cell.method == "dip" else 0)
            )
            ok = {"status": "ok", "reason": "", "scores": {PSNR.id: value}, "metric_facts": {PSNR.id: said}}
            ok |= {"seconds": 1.0, "finished_at": "2024-05-01T12:00:00.000000+00:00"}
            store.add(run, cell, blank(cell, threads=1) | ok)
        store.finish_run(run)
    return run


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """(folder, first run, second run in which tv is 0.5 dB worse and which has another commit)."""
    place = tmp_path_factory.mktemp("runs")
    return place, record_run(place, "one"), record_run(place, "two", -0.5, commit="f" * 40)


def call(*arguments):
    done = CliRunner().invoke(cli, [str(a) for a in arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done


def test_two_runs_are_compared_method_by_method(runs):
    place, one, two = runs
    done = call("compare", one, two, "--results", place)
    lines = {line.split()[0]: line for line in done.output.splitlines() if "PSNR" in line}
    assert lines["tv"].rstrip().endswith("worse")
    assert "-0.50" in lines["tv"]
    assert lines["dip"].rstrip().endswith("same")
    assert "1 worse, 1 same" in done.output
    assert done.return_value == 0


def test_fail_on_gives_one_only_where_it_happens(runs):
    place, one, two = runs
    assert call("compare", one, two, "--results", place, "--fail-on", "worse").return_value == 1
    assert call("compare", two, one, "--results", place, "--fail-on", "worse").return_value == 0
    assert call("compare", two, one, "--results", place, "--fail-on", "better").return_value == 1
    within = ("--rope", "0.6", "--fail-on", "worse")
    assert call("compare", one, two, "--results", place, *within).return_value == 0
    within = ("--rope", "psnr=0.6,ssim=0", "--fail-on", "worse")
    assert call("compare", one, two, "--results", place, *within).return_value == 0


def test_two_methods_of_the_latest_run_are_compared(runs):
    place, one, _ = runs
    data = json.loads(call("compare", "tv", "dip", "--results", place, "--json").output)
    assert data["verdicts"] == {"better": 1}
    (row,) = data["rows"]
    assert row["delta"] > 0.7
    assert row["low"] < row["delta"] < row["high"]
    older = json.loads(call("compare", "tv", "dip", "--run", one, "--results", place, "--json").output)
    assert older["rows"][0]["delta"] == pytest.approx(row["delta"] - 0.5, abs=1e-9)


def test_a_commit_names_its_latest_run(runs):
    place, *_ = runs
    data = json.loads(call("compare", COMMIT[:9], "fffffff", "--results", place, "--json").output)
    assert data["verdicts"] == {"worse": 1, "same": 1}


def test_two_folders_are_compared_by_their_latest_runs(runs, tmp_path):
    place, one, _ = runs
    other = record_run(tmp_path, "three", 0.5)
    data = json.loads(call("compare", f"{place}:{one}", tmp_path, "--json").output)
    assert data["verdicts"] == {"better": 1, "same": 1}
    assert json.loads(call("compare", f"{place}:{one}", f"{tmp_path}:{other}", "--json").output)["verdicts"]


def test_what_makes_runs_less_comparable_is_noted(runs, tmp_path):
    place, one, _ = runs
    with Store.open(tmp_path) as store:
        store.begin_run({"seed": 1}, [], environment={"cpu": "other", "torch": "2"})
    from benchhost.cli.compare import _notes
    from benchhost.cli.sides import find_side

    sides = [find_side(str(text), store=None, run_id=None) for text in (f"{place}:{one}", tmp_path)]
    notes = " ".join(_notes(*sides))
    assert "seeds differ (0, 1)" in notes
    assert "cpu differs: test, other" in notes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tv", "dpi"), "No run, commit, results folder or method 'dpi'. Did you mean 'dip'"),
        (("tv", "{one}"), "'tv' is a method and"),
        (("tv", "dip", "--rope", "little"), "'little' is not a number"),
        (("tv", "dip", "--rope", "-1"), "cannot be negative"),
        (("tv", "dip", "--metrics", "ssim"), "no cell in common"),
    ],
)
def test_what_cannot_be_compared_is_refused(runs, arguments, message):
    place, one, _ = runs
    with pytest.raises(UsageError, match=message):
        call("compare", *(a.format(one=one) for a in arguments), "--results", place)


def test_without_results_only_folders_are_found(tmp_path):
    with pytest.raises(UsageError, match="is no results folder, and there are no results here"):
        call("compare", "a", "b", "--results", tmp_path / "none")


def test_report_lays_out_tables_as_asked(runs, tmp_path):
    place, one, _ = runs
    call("report", one, "--results", place, "--to", "latex", "--paper", "idm", "--reported", "--out", tmp_path)
    text = (tmp_path / "latex" / "idm-cs-psnr.tex").read_text()
    assert "IDM, T=3 (reported)" in text
    assert "dip~\\cite{" in text
    assert "@inproceedings{ulyanov2018dip" in (tmp_path / "latex" / "references.bib").read_text()
    call("report", one, "--results", place, "--to", "markdown", "--layout", "transposed", "--out", tmp_path)
    assert "| level | tv | dip |" in (tmp_path / "report.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--layout", "levels", "--paper", "idm"), "--paper has layouts of its own"),
        (("--crop", "1,2,3"), "expected four whole numbers"),
        (("--crop", "1,2,0,3"), "is no part of an image"),
        (("--to", "latex", "--layout", "levelz"), "No layout 'levelz'"),
    ],
)
def test_report_refuses_what_makes_no_sense(runs, arguments, message, tmp_path):
    place, *_ = runs
    with pytest.raises(UsageError, match=message):
        call("report", "--results", place, "--out", tmp_path, *arguments)
