"""From a training to a table: tiny networks trained by name, run by their files, compared image by image."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

import benchhost
from benchhost.cli.main import cli
from benchhost.nets.weights import WeightsError
from benchhost.plugins import load
from benchhost.stats.seeds import main
from benchhost.training.run import run_training

PICTURES = Path(__file__).with_name("pictures.py")
TINY = "nsr:blocks=2,features=8,cardinality=4,images=2"


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Two forms, two seeds each, trained three steps and run on small photographs: (folder of results, methods)."""
    place, catalogue, patch = tmp_path_factory.mktemp("ablation"), load([PICTURES]), pytest.MonkeyPatch()
    patch.setattr("benchhost.training.run.draw", lambda folder: [])
    methods = []
    for groups in (1, 2):
        for seed in (0, 1):
            out = place / f"k{groups}-{seed}"
            changes = (f"seed={seed}", "crops=16x2", "held_out=3", "precision=fp32")
            run_training(
                f"{TINY},groups={groups}", catalogue, tasks=["denoise"], dataset="edges", steps=3, out=str(out),
                changes=changes, device="cpu",
            )  # fmt: skip
            methods.append({"use": "nsr", "label": out.name, "weights": str(out / "nsr.safetensors")})
    options = {"results": str(place / "results"), "isolation": False, "save": "none"}
    benchhost.run(tasks="denoise:sigma=25", methods=methods, datasets="embedded-grey", **options)
    yield place / "results", place
    patch.undo()
    sys.modules.pop("pictures", None)


def test_a_training_by_name_makes_a_file_that_runs_by_name(results):
    frame = benchhost.load(results[0])
    assert set(frame["status"]) == {"ok"}
    assert set(frame["method_label"]) == {"k1-0", "k1-1", "k2-0", "k2-1"}
    card = json.loads((results[1] / "k2-1" / "nsr.json").read_text())
    assert (card["seed"], card["params"]["groups"], card["steps"]) == (1, 2, 3)
    assert set(card["validation"]) == {"psnr_denoise_15", "psnr_denoise_25", "psnr_denoise_50"}


def test_seeds_make_other_weights_and_other_results(results):
    frame = benchhost.load(results[0])
    psnr = frame[frame["primary"]].groupby("method_label")["value"].mean()
    assert psnr["k2-0"] != psnr["k2-1"]


def test_two_files_are_compared_image_by_image(results):
    done = CliRunner().invoke(cli, ["compare", "k1-0", "k2-0", "--results", str(results[0]), "--json"])
    (row,) = [row for row in json.loads(done.output)["rows"] if row["metric"].startswith("psnr")]
    assert row["low"] <= row["delta"] <= row["high"]


def test_forms_are_compared_over_images_and_seeds(results, capsys):
    main([str(results[0]), "--first", "k1-0", "k1-1", "--second", "k2-0", "k2-1"])
    table = capsys.readouterr().out
    frame = benchhost.load(results[0])
    psnr = frame[frame["primary"]].pivot(index="image", columns="method_label", values="value")
    seeds = [(psnr[f"k2-{s}"] - psnr[f"k1-{s}"]).mean() for s in (0, 1)]
    for number in (*seeds, sum(seeds) / 2):
        assert f"{number:+.3f}" in table
    assert f" {len(psnr)} " in table


def test_what_was_not_run_is_named(results):
    with pytest.raises(SystemExit, match=r"no method 'k3-0' in .*there are k1-0, k1-1, k2-0, k2-1"):
        main([str(results[0]), "--first", "k1-0", "--second", "k3-0"])
    with pytest.raises(SystemExit, match="as many seeds"):
        main([str(results[0]), "--first", "k1-0", "--second", "k2-0", "k2-1"])


def test_a_sparse_network_is_trained_from_a_dense_one(results, tmp_path, monkeypatch):
    monkeypatch.setattr("benchhost.training.run.draw", lambda folder: [])
    dense, catalogue = results[1] / "k1-0" / "nsr.safetensors", load([PICTURES])
    changes = ("crops=16x2", "held_out=3", "precision=fp32", "rate=0")

    def train(text, start, name):
        out = tmp_path / name
        run_training(
            text, catalogue, tasks=["denoise"], dataset="edges", steps=1, out=str(out), start=str(start),
            changes=changes, device="cpu",
        )  # fmt: skip
        return json.loads((out / "nsr.json").read_text())

    card = train(f"{TINY},groups=2", dense, "sparse")
    start = json.loads(dense.with_name("nsr.json").read_text())
    for name, value in start["validation"].items():
        assert card["validation"][name] == pytest.approx(value, abs=0.3)
    assert card["history"][0]["began_at"]["sha256"] == start["sha256"]
    with pytest.raises(WeightsError, match=r"k1-0/nsr.safetensors: they are of a network with blocks 2, not 3"):
        train(TINY.replace("blocks=2", "blocks=3"), dense, "other")
