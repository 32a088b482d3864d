"""The command line as scripts use it: output, exit codes, resume, errors; real tasks on embedded images."""

import json
import os
import subprocess
import sys
import time

import pytest

ALONE = ("--workers", "1", "--threads", "1")
QUICK = ("--tasks", "denoise,cs", "--methods", "baseline,pinv", "--limit", "1", "--report", "none", *ALONE)


def call(*arguments, cwd, **environment):
    return subprocess.run(
        [sys.executable, "-m", "benchhost", *arguments],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "BENCHHOST_OFFLINE": "1", **environment},
    )


def summary(done):
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A results folder with one finished run."""
    place = tmp_path_factory.mktemp("cli")
    summary(call("run", *QUICK, "--json", cwd=place))
    return place


def test_json_prints_nothing_but_the_summary(folder):
    data = summary(call("run", *QUICK, "--json", cwd=folder))
    assert set(data) == {"run_id", "status", "rows"}
    assert data["status"] == {"ok": 4}
    row = data["rows"][0]
    assert set(row) == {
        *("task", "level", "dataset", "method", "metric", "protocol", "mean", "sd", "n", "median_seconds"),
    }
    assert (row["task"], row["level"], row["metric"], row["protocol"]) == (
        "denoise",
        "sigma=25",
        "psnr",
        "255/clip_round@1",
    )
    assert 19 < row["mean"] < 21
    assert (row["sd"], row["n"]) == (None, 1)


def test_each_tasks_primary_metric_comes_first(folder):
    rows = summary(call("run", *QUICK, "--json", cwd=folder))["rows"]
    first = {}
    for row in rows:
        first.setdefault((row["task"], row["method"]), (row["metric"], row["protocol"]))
    assert first["denoise", "baseline"] == ("psnr", "255/clip_round@1")
    assert first["cs", "baseline"] == ("psnr", "255/clip@1")


def test_the_same_command_again_computes_nothing(folder):
    done = call("run", *QUICK, cwd=folder)
    assert done.returncode == 0
    assert "0 cells computed, 4 reused" in done.stdout


def test_fresh_computes_again_and_gives_the_same_numbers(folder):
    before = summary(call("run", *QUICK, "--json", cwd=folder))["rows"]
    done = call("run", *QUICK, "--fresh", cwd=folder)
    assert "4 cells computed, 0 reused" in done.stdout
    after = summary(call("run", *QUICK, "--json", cwd=folder))["rows"]
    assert [row["mean"] for row in after] == [row["mean"] for row in before]


def test_a_run_file_reuses_what_the_command_line_computed(folder):
    (folder / "bench.toml").write_text(
        '[run]\nlimit = 1\nworkers = 1\n[[tasks]]\nuse = "denoise"\n[[tasks]]\nuse = "cs"\nratio = [0.25]\n'
        '[[methods]]\nuse = "baseline"\n[[methods]]\nuse = "pinv"\n'
    )
    assert "0 cells computed, 4 reused" in call("run", "bench.toml", "--report", "none", cwd=folder).stdout


def test_a_further_metric_is_scored_from_the_stored_reconstruction(folder):
    done = call("score", "--metrics", "psnr/1", cwd=folder)
    assert done.returncode == 0, done.stderr
    call("export", "rows.csv", cwd=folder)
    lines = (folder / "rows.csv").read_text()
    assert ",psnr,1@1," in lines


def test_the_seed_moves_the_noise_and_repeats_have_their_own(tmp_path):
    quick = ("--tasks", "denoise", "--methods", "baseline", "--limit", "1", "--report", "none", "--json")
    means = {
        options: summary(call("run", *quick, *options, cwd=tmp_path))["rows"][0]["mean"]
        for options in ((), ("--seed", "1"), ("--repeats", "2"))
    }
    assert len(set(means.values())) == 3


def test_results_and_plan_agree_on_what_is_stored(folder):
    done = call("plan", "--tasks", "denoise,cs", "--methods", "baseline,pinv", "--limit", "1", "--json", cwd=folder)
    data = json.loads(done.stdout)
    assert (data["cells"], data["stored"]) == (4, 4)


def test_plan_explains_why_a_method_cannot_run(tmp_path):
    done = call("plan", "--tasks", "jpeg", "--methods", "pinv,baseline", "--explain", cwd=tmp_path)
    assert "pinv: " in done.stdout
    assert "needs pinv" in done.stdout


@pytest.mark.parametrize("format", ["rows.csv", "rows.json", "rows.parquet"])
def test_export_writes_one_row_per_cell_and_metric(folder, format):
    import pandas as pd

    done = call("export", format, cwd=folder)
    assert done.returncode == 0, done.stderr
    read = {"csv": pd.read_csv, "json": pd.read_json, "parquet": pd.read_parquet}[format.partition(".")[2]]
    frame = read(folder / format)
    assert {"task", "method", "metric", "protocol", "value", "status", "trained_on_test"} <= set(frame.columns)
    assert len(frame) >= 4 * 2


def test_reports_are_written_and_named(folder):
    done = call("report", "--to", "markdown,latex,csv", "--out", "out", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert {line.rpartition(".")[2] for line in done.stdout.split()} >= {"md", "tex", "csv"}


def test_figures_of_a_past_run_have_its_pictures_enlarged_where_asked(folder):
    done = call("report", "--to", "figures", "--crop", "4,8,32,32", "--out", "fig", cwd=folder)
    assert done.returncode == 0, done.stderr
    assert "warning" not in done.stderr
    names = {line.rpartition("/")[2] for line in done.stdout.split()}
    strips = {name.partition("=")[0] for name in names if name.startswith("strip-")}
    assert strips == {"strip-cs-ratio", "strip-denoise-sigma"}
    assert "memory-cs.png" in names


def test_status_lists_runs(folder):
    done = call("status", "--json", cwd=folder)
    assert all(run["command"].startswith("benchhost run") for run in json.loads(done.stdout))


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("run", "--tasks", "css", "--methods", "tv"), 2, "No task 'css'. Did you mean 'cs'?"),
        (("run", "--tasks", "cs", "--methods", "tvv"), 2, "No method 'tvv'. Did you mean 'tv'?"),
        (("run", "--tasks", "cs:ratoi=1", "--methods", "tv"), 2, "Did you mean 'ratio'?"),
        (("run", "--tasks", "cs", "--methods", "tv", "-d", "set111"), 2, "No dataset 'set111'. Did you mean 'set11'"),
        (("run", "--tasks", "cs", "--methods", "pinv", "-d", "set12"), 1, "set12"),
        (("run", "--tasks", "mri", "--methods", "pinv", "-d", "set11"), 2, "task 'mri' takes"),
        (("run", "--methods", "tv"), 2, "no tasks selected"),
        (("run", "none.toml"), 2, "no run file 'none.toml'"),
        (("run", "--tasks", "cs", "--methods", "pinv", "--report", "latx"), 2, "Did you mean 'latex'"),
        (("run", "--tasks", "cs", "--methods", "pinv", "--metrics", "psnr/x"), 2, "No metric 'psnr/x'"),
        (("rnu",), 2, "No command 'rnu'. Did you mean 'run'?"),
        (("report",), 2, "no results in 'results'"),
        (("export", "rows.xls"), 2, "the ending must be one of .parquet, .csv, .json"),
        (("info", "denose"), 2, "Did you mean 'denoise'"),
    ],
)
def test_bad_input_gets_one_clear_error(arguments, code, words, tmp_path):
    done = call(*arguments, cwd=tmp_path, BENCHHOST_DATA=str(tmp_path), BENCHHOST_CACHE=str(tmp_path / "cache"))
    assert done.returncode == code, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_help_and_list_import_nothing_heavy_and_answer_at_once(tmp_path):
    code = (
        "import sys\nfrom benchhost.cli.main import main\ntry:\n    main(sys.argv[1:])\nexcept SystemExit:\n    pass\n"
        "print([m for m in ('torch', 'pandas', 'numpy', 'matplotlib', 'sqlalchemy') if m in sys.modules])"
    )
    for arguments in (("--help",), ("list",), ("plan", "--tasks", "cs:all", "--methods", "baseline,dip")):
        times = []
        for _ in range(3):
            start = time.perf_counter()
            done = subprocess.run(
                [sys.executable, "-c", code, *arguments], capture_output=True, text=True, cwd=tmp_path
            )
            times.append(time.perf_counter() - start)
        assert done.stdout.splitlines()[-1] == "[]", arguments
        assert min(times) < 1.0, "half a second on a quiet machine; the double is allowed for a busy one"


def test_every_task_runs_on_its_own_embedded_data_without_a_download(tmp_path):
    from benchhost.plugins import load

    tasks = sorted(name for name in load().tasks if "synthetic" not in name)
    place = {"BENCHHOST_DATA": str(tmp_path), "BENCHHOST_CACHE": str(tmp_path / "cache")}
    arguments = ("--tasks", ",".join(tasks), "--methods", "baseline", "--json", "--report", "none")
    data = summary(call("run", *arguments, cwd=tmp_path, **place))
    assert set(data["status"]) == {"ok"}
    assert sorted({row["task"] for row in data["rows"]}) == tasks


def test_plugins_shows_the_built_in_ones_alone_where_the_installed_are_left_out(tmp_path):
    def shown(*words):
        return {row["name"] for row in summary(call("plugins", "--json", *words, cwd=tmp_path))}

    assert shown("--no-plugins") == {"metrics", "datasets", "reporters"}
    assert shown() >= {"metrics", "datasets", "reporters", "tasks", "classical"}
