"""The method as a run meets it: weights, tasks, bad input."""

import dataclasses
import json

import pytest
import torch
from benchhost_idm import shipped
from benchhost_idm.memory import perturbed
from benchhost_idm.method import IdmMethod, network_of
from benchhost_idm.network import IdmShape
from benchhost_idm.params import IdmParams
from benchhost_idm.unrolled import Idm, Kept
from safetensors.torch import save_file

from benchhost import params as P
from benchhost.errors import UsageError
from benchhost.nets import UNetShape
from benchhost.nets.weights import WeightsError, read_trained
from benchhost.physics.diagonal import Identity
from benchhost.plugins import load
from benchhost.types import Problem

SHAPE = IdmShape(unet=UNetShape(widths=(16, 32), down=(1, 1), up=(1, 0), embedding=8))


def facts(described=SHAPE, **changes):
    network = {"architecture": "benchhost_idm.unrolled:Idm", "shape": dataclasses.asdict(described), **changes}
    return {"network": json.dumps(network)}


def save(path, network, header):
    save_file({n: t.clone().half() for n, t in network.state_dict().items()}, path, header)
    return path


@pytest.fixture
def weights(tmp_path):
    return save(tmp_path / "idm.safetensors", perturbed(SHAPE, Kept()), facts())


def problem(y, sigma=0.1, **changes):
    shape = tuple(y.shape[1:])
    return Problem(
        y=y, physics=Identity(shape), sigma=sigma, image_shape=shape, rng=torch.Generator(), task="denoise", **changes
    )


def method(weights, **values):
    return IdmMethod(P.build(IdmParams, {"weights": str(weights), **values}, owner="method 'idm'"))


def test_it_runs_the_network_of_the_file(weights):
    y = torch.rand(2, 1, 24, 20, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected = network_of(read_trained(weights))(Identity((1, 24, 20)), y, 0.1)
    estimate = method(weights, precision="fp32").reconstruct(problem(y))
    torch.testing.assert_close(estimate, expected)
    assert not estimate.requires_grad


def test_reduced_precision_stays_close(weights):
    y = torch.rand(1, 1, 32, 32, generator=torch.Generator().manual_seed(0))
    full, reduced = (method(weights, precision=p).reconstruct(problem(y)) for p in ("fp32", "bf16"))
    assert reduced.dtype == torch.float32
    assert not torch.equal(full, reduced)
    assert (full - reduced).abs().max() < 0.05


def test_complex_images_are_taken_as_they_are(weights):
    """Their parts lie in [-1, 1] already: a real problem of (x + 1) / 2 with half the noise is the same."""
    z = 2 * torch.rand(1, 2, 16, 16, generator=torch.Generator().manual_seed(0)) - 1
    a = method(weights, precision="fp32").reconstruct(problem(z, 0.2, complex_image=True, value_range=(-1.0, 1.0)))
    b = method(weights, precision="fp32").reconstruct(problem((z + 1) / 2, 0.1))
    torch.testing.assert_close((a + 1) / 2, b, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_measurement_that_is_not_finite_is_refused_by_name(weights, bad):
    y = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    y[0, 0, 3, 3] = bad
    with pytest.raises(ValueError, match=r"idm: problem\.y holds values that are not finite"):
        method(weights).reconstruct(problem(y))


def test_weights_of_another_network_are_refused_with_what_was_expected(weights, tmp_path):
    torch.manual_seed(0)
    other = save(tmp_path / "other.safetensors", Idm(SHAPE), facts(architecture="benchhost.nets:UNet"))
    with pytest.raises(WeightsError, match=r"other\.safetensors: expected weights of benchhost_idm\S+, found"):
        method(other).reconstruct(problem(torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))))
    wide = dataclasses.replace(SHAPE, steps=4)
    torn = save(tmp_path / "torn.safetensors", Idm(SHAPE), facts(wide))
    with pytest.raises(WeightsError, match=r"torn\.safetensors: '(alpha|rho)' is \(\d,\) in the file, the network"):
        method(torn).reconstruct(problem(torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))))
    old = save(tmp_path / "old.safetensors", Idm(SHAPE), facts(shape={"unet": {}, "steps": 3}))
    with pytest.raises(WeightsError, match="expected a shape with"):
        method(old).reconstruct(problem(torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))))


def test_an_impossible_shape_in_a_file_is_an_error_of_that_file(tmp_path):
    described = dataclasses.asdict(SHAPE) | {"injected": 9}
    odd = save(tmp_path / "odd.safetensors", Idm(SHAPE), facts(shape=described))
    with pytest.raises(WeightsError, match=r"odd\.safetensors: no network has the shape.*9 scales with injectors"):
        method(odd).reconstruct(problem(torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))))


def test_a_checksum_that_does_not_fit_is_named(weights, monkeypatch):
    import benchhost_idm.method as module

    entry = shipped.Shipped(file="idm.safetensors", sha256="0" * 64, tasks=("denoise",))
    monkeypatch.setattr(shipped, "SHIPPED", (entry,))
    monkeypatch.setattr(module, "packaged", lambda *a, **k: weights)
    with pytest.raises(WeightsError, match="expected sha256 0000"):
        IdmMethod(IdmParams()).reconstruct(
            problem(torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)))
        )


def test_missing_weights_are_an_error_before_anything_runs(tmp_path):
    with pytest.raises(UsageError, match="no file of weights"):
        P.content(IdmParams(weights=str(tmp_path / "none.safetensors")))


def test_weights_count_by_their_bytes(weights, tmp_path):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes())
    assert P.content(IdmParams(weights=str(weights))) == P.content(IdmParams(weights=str(copy)))
    assert P.content(IdmParams(weights=str(weights))) != P.content(IdmParams())


def test_a_task_the_weights_were_not_trained_for_is_refused_with_the_reason(monkeypatch):
    catalogue = load()
    entry = shipped.Shipped(file="idm.safetensors", sha256="0" * 64, tasks=("cs", "denoise"))
    monkeypatch.setattr(shipped, "SHIPPED", (entry,))
    sr, cs = catalogue.task("sr"), catalogue.task("cs")
    assert shipped.refuses(cs, None, 1, IdmParams()) is None
    reason = shipped.refuses(sr, None, 1, IdmParams())
    assert reason == "the weights are trained for cs, denoise, not for sr (give others with idm:weights=FILE)"
    assert shipped.refuses(sr, None, 1, IdmParams(weights="mine.safetensors")) is None


def test_a_specialist_comes_before_the_network_for_everything(monkeypatch):
    cs = shipped.Shipped(file="idm-cs.safetensors", sha256="1" * 64, tasks=("cs",))
    every = shipped.Shipped(file="idm.safetensors", sha256="2" * 64, tasks=("cs", "sr"))
    monkeypatch.setattr(shipped, "SHIPPED", (cs, every))
    assert shipped.chosen("cs") is cs
    assert shipped.chosen("sr") is every
    assert shipped.chosen("jpeg") is None


@pytest.mark.parametrize("entry", shipped.SHIPPED, ids=lambda entry: entry.file)
def test_shipped_files_are_what_the_list_says(entry):
    from pathlib import Path

    path = Path(shipped.__file__).parent / entry.file
    trained = read_trained(path, sha256=entry.sha256)
    network_of(trained)
    assert set(entry.tasks) <= set(trained.network["tasks"])
    assert path.stat().st_size <= 8e6
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["sha256"] == entry.sha256
    assert card["dataset"] in load().method("idm").trained_on
    assert card["seed"] is not None
    assert card["steps"] > 0
    assert card["validation"]
    assert card["history"][-1]["commit"]
