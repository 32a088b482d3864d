"""The method as a run meets it: weights, tasks, bad input."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from benchhost_nsr import shipped
from benchhost_nsr.method import NsrMethod, network_of
from benchhost_nsr.params import NsrParams
from benchhost_nsr.tiles import tiled

from benchhost import params as P
from benchhost.errors import UsageError
from benchhost.nets.weights import WeightsError, read_trained
from benchhost.physics.diagonal import Identity
from benchhost.plugins import load
from benchhost.testing.methods import assert_method
from benchhost.testing.problems import pose
from benchhost.types import Problem

CATALOGUE = load()
ALL = (
    shipped.Shipped(file="nsr-denoise.safetensors", sha256="0" * 64, tasks=("denoise",)),
    shipped.Shipped(file="nsr-sr2.safetensors", sha256="1" * 64, tasks=("sr",), scale=2),
    shipped.Shipped(file="nsr-sr3.safetensors", sha256="2" * 64, tasks=("sr",), scale=3),
    shipped.Shipped(file="nsr-jpeg.safetensors", sha256="3" * 64, tasks=("jpeg",)),
    shipped.Shipped(file="nsr-restore.safetensors", sha256="4" * 64, tasks=("cs", "mri")),
)


def rand(*shape):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(0))


def problem(y, sigma=0.1, **changes):
    shape = tuple(y.shape[1:])
    values = {"physics": Identity(shape), "image_shape": shape, "task": "denoise", **changes}
    return Problem(y=y, sigma=sigma, rng=torch.Generator(), **values)


def method(weights, **values):
    return NsrMethod(P.build(NsrParams, {"weights": str(weights), **values}, owner="method 'nsr'"))


@pytest.mark.parametrize(("task", "values"), [("denoise", {}), ("jpeg", {})])
def test_an_image_network_keeps_the_contract(task, values, weights):
    posing = pose(CATALOGUE.task(task), values)
    assert_method(CATALOGUE.method("nsr"), posing, {"weights": str(weights), "precision": "fp32"}, batch=True)


@pytest.mark.parametrize("scale", [2, 3])
def test_super_resolution_keeps_the_contract(scale, small, tmp_path):
    file = small.save(tmp_path / "sr.safetensors", small.perturbed(dataclasses.replace(small.shape, scale=scale)))
    posing = pose(CATALOGUE.task("sr"), {"scale": scale})
    assert_method(CATALOGUE.method("nsr"), posing, {"weights": str(file), "precision": "fp32"}, batch=True)


@pytest.mark.parametrize("task", ["cs", "mri", "ct", "inpaint", "deblur"])
def test_a_restoring_network_keeps_the_contract(task, restorer):
    posing = pose(CATALOGUE.task(task))
    assert_method(CATALOGUE.method("nsr"), posing, {"weights": str(restorer), "precision": "fp32"}, batch=True)


def test_it_runs_the_network_of_the_file_plane_by_plane(weights):
    y = rand(2, 3, 24, 20)
    with torch.no_grad():
        expected = network_of(read_trained(weights))(y.reshape(6, 1, 24, 20)).view_as(y)
    estimate = method(weights).reconstruct(problem(y))
    torch.testing.assert_close(estimate, expected)
    assert not estimate.requires_grad


def test_other_ranges_are_mapped_to_the_network_s(weights):
    y = rand(1, 1, 16, 16)
    a = method(weights).reconstruct(problem(y))
    b = method(weights).reconstruct(problem(2 * y - 1, value_range=(-1.0, 1.0)))
    torch.testing.assert_close(b, 2 * a - 1)


def test_large_images_are_tiled_where_asked(weights):
    y = rand(1, 1, 192, 200)
    network = network_of(read_trained(weights))
    with torch.no_grad():
        torch.testing.assert_close(method(weights).reconstruct(problem(y)), network(y))
        torch.testing.assert_close(method(weights, tiles="authors").reconstruct(problem(y)), tiled(network, y))


def test_reduced_precision_stays_close(weights):
    y = rand(1, 1, 32, 32)
    full, reduced = (method(weights, precision=p).reconstruct(problem(y)) for p in ("fp32", "bf16"))
    assert reduced.dtype == torch.float32
    assert not torch.equal(full, reduced)
    assert (full - reduced).abs().max() < 0.02


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_measurement_that_is_not_finite_is_refused_by_name(weights, bad):
    y = rand(1, 1, 16, 16)
    y[0, 0, 3, 3] = bad
    with pytest.raises(ValueError, match=r"nsr: problem\.y holds values that are not finite"):
        method(weights).reconstruct(problem(y))


def test_a_network_for_another_kind_of_problem_is_refused(weights, restorer, small, tmp_path):
    enlarging = small.save(tmp_path / "x2.safetensors", small.perturbed(dataclasses.replace(small.shape, scale=2)))
    with pytest.raises(WeightsError, match=r"x2\.safetensors: .*2 times as large; task 'denoise' measures 1x16x16"):
        method(enlarging).setup(problem(rand(1, 1, 16, 16)))
    cs = pose(CATALOGUE.task("cs")).problem
    with pytest.raises(WeightsError, match=r"the network keeps images' size; task 'cs' measures"):
        method(weights).setup(cs)
    jpeg = pose(CATALOGUE.task("jpeg")).problem
    with pytest.raises(WeightsError, match=r"A\+ y of linear measurements, task 'jpeg' has none"):
        method(restorer).setup(jpeg)


def test_weights_of_another_network_are_refused_with_what_was_expected(small, tmp_path):
    network = small.perturbed()
    y = problem(rand(1, 1, 16, 16))
    other = small.save(tmp_path / "other.safetensors", network, small.header(network, architecture="x:UNet"))
    with pytest.raises(WeightsError, match=r"other\.safetensors: expected weights of benchhost_nsr\S+, found x:UNet"):
        method(other).reconstruct(y)
    deep = dataclasses.asdict(dataclasses.replace(small.shape, blocks=3))
    torn = small.save(tmp_path / "torn.safetensors", network, small.header(network, shape=deep))
    with pytest.raises(WeightsError, match=r"torn\.safetensors: 'first\.direction' is \(2, \S.* in the file, the net"):
        method(torn).reconstruct(y)
    odd = dataclasses.asdict(dataclasses.replace(small.shape, cardinality=5))
    file = small.save(tmp_path / "odd.safetensors", network, small.header(network, shape=odd))
    with pytest.raises(WeightsError, match=r"odd\.safetensors: no network has the shape.*cardinality 5"):
        method(file).reconstruct(y)


def test_missing_weights_are_an_error_before_anything_runs(tmp_path):
    with pytest.raises(UsageError, match="no file of weights"):
        P.content(NsrParams(weights=str(tmp_path / "none.safetensors")))


def test_weights_count_by_their_bytes(weights, tmp_path):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes())
    assert P.content(NsrParams(weights=str(weights))) == P.content(NsrParams(weights=str(copy)))
    assert P.content(NsrParams(weights=str(weights))) != P.content(NsrParams())


def reason(monkeypatch, task, channels=1, entries=ALL, weights=None, **values):
    monkeypatch.setattr(shipped, "SHIPPED", entries)
    record = CATALOGUE.task(task)
    given = pose(record, values, channels=channels).values
    return shipped.refuses(record, given, channels, NsrParams(weights=weights))


@pytest.mark.parametrize(
    ("task", "values", "channels", "words"),
    [
        ("inpaint", {}, 1, "trained for denoise, jpeg, sr, cs, mri, not for inpaint"),
        ("sr", {"scale": 4}, 1, "trained for sr at scale 2, 3, not 4"),
        ("sr", {"scale": 2, "sigma": 5.0}, 1, "trained for sr without noise"),
        ("denoise", {"sigma": 75.0}, 1, "trained for noise up to 55, not 75"),
        ("jpeg", {"quality": 5}, 1, "trained for JPEG quality 10 to 40, not 5"),
        ("jpeg", {"quality": 10}, 3, "trained for grey JPEG files: take the luma"),
    ],
)
def test_levels_the_weights_were_not_trained_for_are_refused_with_the_reason(
    monkeypatch, task, values, channels, words
):
    assert words in reason(monkeypatch, task, channels, **values)
    assert reason(monkeypatch, task, channels, weights="mine.safetensors", **values) is None


@pytest.mark.parametrize(
    ("task", "values", "channels"),
    [("denoise", {"sigma": 50.0}, 3), ("jpeg", {"colour": "luma"}, 3), ("sr", {"scale": 3}, 3), ("cs", {}, 1)],
)
def test_what_the_weights_were_trained_for_is_done(monkeypatch, task, values, channels):
    assert reason(monkeypatch, task, channels, **values) is None


def test_photon_noise_cannot_be_weighed(monkeypatch):
    words = reason(monkeypatch, "ct", weights="mine.safetensors", noise="poisson")
    assert words.startswith("needs awgn")


def test_each_scale_has_a_file_of_its_own(monkeypatch):
    monkeypatch.setattr(shipped, "SHIPPED", ALL)
    assert shipped.chosen("sr", 3).file == "nsr-sr3.safetensors"
    assert shipped.chosen("sr", 8) is None
    assert shipped.chosen("denoise").file == "nsr-denoise.safetensors"
    assert shipped.chosen("mri", None).file == "nsr-restore.safetensors"


def test_without_weights_every_task_is_refused(monkeypatch):
    assert "none are shipped yet" in reason(monkeypatch, "denoise", entries=())


@pytest.mark.parametrize("entry", shipped.SHIPPED, ids=lambda entry: entry.file)
def test_shipped_files_are_what_the_list_says(entry):
    path = Path(shipped.__file__).parent / entry.file
    trained = read_trained(path, sha256=entry.sha256)
    shape = network_of(trained).shape
    assert set(entry.tasks) <= set(trained.network["tasks"])
    assert shape.scale == (entry.scale or 1)
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["sha256"] == entry.sha256
    assert card["dataset"] == "bsds500_train"
    assert card["validation"]


def test_all_shipped_files_together_stay_small():
    folder = Path(shipped.__file__).parent
    assert sum((folder / entry.file).stat().st_size for entry in shipped.SHIPPED) <= 10.5e6
