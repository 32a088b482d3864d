"""The method as a run meets it: weights, variants, tasks, bad input."""

import dataclasses
import hashlib
import json
import time
from pathlib import Path

import pytest
import torch
from benchhost_rim import shipped
from benchhost_rim.likelihood import Likelihood
from benchhost_rim.method import RimMethod, network_of
from benchhost_rim.network import ARCHITECTURE, Rim, RimShape
from benchhost_rim.params import TASKS, RimParams
from safetensors.torch import save_file

import benchhost
from benchhost import params as P
from benchhost.data import read_item
from benchhost.errors import UsageError
from benchhost.nets.weights import WeightsError, read_trained
from benchhost.physics.diagonal import Identity, Mask
from benchhost.physics.fourier import SingleCoilFourier
from benchhost.plugins import load
from benchhost.testing.methods import assert_batch_is_loop, assert_method, why_not
from benchhost.testing.problems import pose
from benchhost.training import mixture
from benchhost.types import Problem

CATALOGUE = load()
SHAPES = {name: RimShape(variant=name, width=8, steps=3) for name in ("universal", "mri")}


def rng(seed=0):
    return torch.Generator().manual_seed(seed)


def save(path, made, **changes):
    """A file as ``benchhost train`` exports it, with random weights; ``changes`` of the facts in its header."""
    network, generator = Rim(made), rng()
    weights = {
        n: (0.05 * torch.randn(t.shape, generator=generator) if n != "phi" else t).half().contiguous()
        for n, t in network.state_dict().items()
    }
    network = {"architecture": ARCHITECTURE, "shape": dataclasses.asdict(made), **changes}
    save_file(weights, path, {"network": json.dumps(network)})
    return path


@pytest.fixture
def weights(tmp_path):
    return save(tmp_path / "rim.safetensors", SHAPES["universal"])


def problem(y, sigma=0.1, physics=None, **changes):
    physics = physics or Identity(tuple(y.shape[1:]))
    values = {"task": "denoise", **changes}
    return Problem(y=y, physics=physics, sigma=sigma, image_shape=physics.in_shape, rng=rng(), **values)


def image(*shape):
    return torch.rand(*shape, generator=rng())


def method(weights, **values):
    return RimMethod(P.build(RimParams, {"weights": str(weights), **values}, owner="method 'rim'"))


def test_it_runs_the_network_of_the_file(weights):
    y = image(2, 1, 24, 20)
    with torch.no_grad():
        expected = network_of(read_trained(weights))(Identity((1, 24, 20)), y, 0.1)[-1]
    estimate = method(weights, precision="fp32").reconstruct(problem(y))
    torch.testing.assert_close(estimate, expected)
    assert not estimate.requires_grad
    assert not torch.equal(estimate, y)


def test_more_steps_than_in_training_go_on_from_there(weights):
    y, traced = image(1, 1, 16, 16), []
    posed = problem(y, trace=lambda step, estimate: traced.append((step, estimate)))
    long = method(weights, precision="fp32", steps="12").reconstruct(posed)
    short = method(weights, precision="fp32").reconstruct(problem(y))
    assert [step for step, _ in traced] == list(range(1, 13))
    torch.testing.assert_close(traced[2][1], short)
    assert torch.equal(traced[-1][1], long)
    assert not torch.equal(long, short)


def test_shipped_weights_take_the_steps_found_best_for_them(weights, monkeypatch):
    import benchhost_rim.method as module

    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    entry = shipped.Shipped(file="rim.safetensors", sha256=digest, steps=5)
    monkeypatch.setattr(shipped, "SHIPPED", (entry,))
    monkeypatch.setattr(module, "packaged", lambda *a, **k: weights)

    def taken(values):
        steps = []
        posed = problem(image(1, 1, 16, 16), trace=lambda step, estimate: steps.append(step))
        RimMethod(P.build(RimParams, values, owner="method 'rim'")).reconstruct(posed)
        return len(steps)

    assert taken({}) == 5
    assert taken({"steps": "2"}) == 2
    assert taken({"weights": str(weights)}) == 3


def test_at_the_deadline_it_returns_what_it_has(weights):
    y, traced = image(1, 1, 16, 16), []
    posed = problem(y, deadline=time.monotonic() - 1, trace=lambda step, estimate: traced.append(estimate))
    estimate = method(weights, steps="500").reconstruct(posed)
    assert len(traced) == 1
    assert torch.equal(estimate, traced[0])


def test_reduced_precision_stays_close(weights):
    y = image(1, 1, 32, 32)
    full, reduced = (method(weights, precision=p).reconstruct(problem(y)) for p in ("fp32", "bf16"))
    assert reduced.dtype == torch.float32
    assert not torch.equal(full, reduced)
    assert (full - reduced).abs().max() < 0.05


def test_complex_images_are_two_real_ones_of_another_range(weights):
    z = 2 * image(1, 2, 16, 16) - 1
    a = method(weights, precision="fp32").reconstruct(problem(z, 0.2, complex_image=True, value_range=(-1.0, 1.0)))
    b = method(weights, precision="fp32").reconstruct(problem((z + 1) / 2, 0.1))
    torch.testing.assert_close((a + 1) / 2, b, rtol=1e-4, atol=1e-5)


def test_the_mri_variant_takes_complex_images_only(tmp_path):
    file = save(tmp_path / "rim-mri.safetensors", SHAPES["mri"])
    mask = torch.arange(16).remainder(2).bool().numpy()
    physics = SingleCoilFourier(mask, (16, 16))
    y = physics.A(2 * image(1, 2, 16, 16) - 1)
    estimate = method(file, variant="mri").reconstruct(
        problem(y, 0.0, physics, complex_image=True, value_range=(-1.0, 1.0), task="mri")
    )
    assert estimate.shape == (1, 2, 16, 16)
    with pytest.raises(ValueError, match="for complex images"):
        method(file, variant="mri").reconstruct(problem(image(1, 1, 16, 16)))
    with pytest.raises(WeightsError, match="expected weights of variant universal, found mri"):
        method(file).reconstruct(problem(image(1, 1, 16, 16)))


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_measurement_that_is_not_finite_is_refused_by_name(weights, bad):
    y = image(1, 1, 16, 16)
    y[0, 0, 3, 3] = bad
    with pytest.raises(ValueError, match=r"rim: problem\.y holds values that are not finite"):
        method(weights).reconstruct(problem(y))


def test_weights_of_another_network_are_refused_with_what_was_expected(tmp_path):
    y = problem(image(1, 1, 16, 16))
    other = save(tmp_path / "other.safetensors", SHAPES["universal"], architecture="benchhost.nets:UNet")
    with pytest.raises(WeightsError, match=r"other\.safetensors: expected weights of benchhost_rim\S+, found"):
        method(other).reconstruct(y)
    wide = dataclasses.asdict(RimShape(width=12, steps=3))
    torn = save(tmp_path / "torn.safetensors", SHAPES["universal"], shape=wide)
    with pytest.raises(WeightsError, match=r"torn\.safetensors: 'cell\.enter\.weight' is \(8, 3, 3, 3\) in the file"):
        method(torn).reconstruct(y)
    odd = save(tmp_path / "odd.safetensors", SHAPES["universal"], shape=wide | {"width": 7})
    with pytest.raises(WeightsError, match="no network has the shape.*multiple of 4"):
        method(odd).reconstruct(y)


def test_missing_weights_are_an_error_before_anything_runs(tmp_path):
    with pytest.raises(UsageError, match="no file of weights"):
        P.content(RimParams(weights=str(tmp_path / "none.safetensors")))


def test_weights_count_by_their_bytes(weights, tmp_path):
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes(weights.read_bytes())
    assert P.content(RimParams(weights=str(weights))) == P.content(RimParams(weights=str(copy)))
    assert P.content(RimParams(weights=str(weights))) != P.content(RimParams())


def test_a_checksum_that_does_not_fit_is_named(weights, monkeypatch):
    import benchhost_rim.method as module

    monkeypatch.setattr(shipped, "SHIPPED", (shipped.Shipped(file="rim.safetensors", sha256="0" * 64),))
    monkeypatch.setattr(module, "packaged", lambda *a, **k: weights)
    with pytest.raises(WeightsError, match="expected sha256 0000"):
        RimMethod(RimParams()).reconstruct(problem(image(1, 1, 16, 16)))


def test_what_cannot_be_done_is_refused_with_the_reason(monkeypatch):
    def reason(task, params=None, **values):
        return why_not(CATALOGUE.method("rim"), pose(CATALOGUE.task(task), values or None), params)

    monkeypatch.setattr(shipped, "SHIPPED", ())
    assert reason("denoise") == "no weights of variant universal are shipped yet (give others with rim:weights=FILE)"
    monkeypatch.setattr(shipped, "SHIPPED", (shipped.Shipped(file="rim.safetensors", sha256="0" * 64),))
    for task in TASKS:
        assert reason(task) == "", task
    assert "needs linear" in reason("jpeg")
    assert "needs awgn" in reason("ct", noise="poisson")
    assert reason("sr", {"variant": "mri"}).startswith("variant=mri is for complex images of MRI, not for sr")
    assert reason("mri", {"variant": "mri"}).startswith("no weights of variant mri are shipped yet")
    few = shipped.Shipped(file="rim.safetensors", sha256="0" * 64, tasks=("cs", "denoise"))
    monkeypatch.setattr(shipped, "SHIPPED", (few,))
    expected = "the weights are trained for cs, denoise, not for sr (give others with rim:weights=FILE)"
    assert reason("sr") == expected


@pytest.mark.parametrize("task", TASKS)
def test_it_keeps_the_contract_of_a_method_on_every_task(weights, task):
    posing = pose(CATALOGUE.task(task))
    method = CATALOGUE.method("rim")
    assert_method(method, posing, {"weights": str(weights)})
    # a random network enlarges the rounding errors of an exact measurement's gradient, the trained one does not; nor
    # are they the same in bf16 for two images as for one
    assert_batch_is_loop(method, posing, P.build(RimParams, {"precision": "fp32"}, owner=""), tolerance=1e-4)


def test_it_keeps_the_contract_of_a_method_with_several_coils(tmp_path):
    posing = pose(CATALOGUE.task("mri"), {"coils": 4})
    for variant, shape in SHAPES.items():
        file = save(tmp_path / f"{variant}.safetensors", shape)
        values = {"weights": str(file), "variant": variant, "precision": "fp32"}
        assert_method(CATALOGUE.method("rim"), posing, values, batch=True)


def test_it_goes_through_a_whole_run(weights, tmp_path):
    rows = benchhost.run(
        tasks="denoise:sigma=25", methods=f"rim:weights={weights}", limit=1, results=str(tmp_path / "results")
    )
    assert set(rows["status"]) == {"ok"}
    assert rows["value"].notna().all()


@pytest.mark.parametrize("entry", shipped.SHIPPED, ids=lambda entry: entry.file)
def test_shipped_files_are_what_the_list_says(entry):
    path = Path(shipped.__file__).parent / entry.file
    trained = read_trained(path, sha256=entry.sha256)
    assert network_of(trained).shape.variant == entry.variant
    if entry.variant == "universal":
        assert set(entry.tasks) <= set(trained.network["tasks"])
    assert path.stat().st_size <= 1_200_000
    card = json.loads(path.with_suffix(".json").read_text())
    assert card["sha256"] == entry.sha256
    assert card["dataset"] in CATALOGUE.method("rim").trained_on
    assert card["validation"]


def embedded(dataset):
    """The centre of the first image of a data set that needs no files: (1, 1, 96, 96) in [0, 1]."""
    data = CATALOGUE.dataset(dataset)
    array = read_item(data, data.items[0]).array
    top, left = ((n - 96) // 2 for n in array.shape)
    crop = torch.from_numpy(array[top : top + 96, left : left + 96].copy())[None, None]
    return crop.float() / (255 if crop.dtype == torch.uint8 else 1)


SHIPPED_PROBLEMS = {
    "universal": {
        "denoise": lambda size, _: mixture.Setup(physics=Identity((1, *size)), sigma=25 / 255),
        "inpaint": lambda size, random: mixture.Setup(physics=Mask((1, *size), random.rand(*size) < 0.3)),
    },
    "mri": {"mri": lambda size, random: mixture.columns(size, 4, random, coils=4)},
}


@pytest.mark.parametrize(
    ("entry", "task"),
    [(entry, task) for entry in shipped.SHIPPED for task in SHIPPED_PROBLEMS[entry.variant]],
    ids=lambda value: value if isinstance(value, str) else value.file,
)
def test_shipped_weights_beat_their_start_and_stay_good_beyond_their_steps(entry, task):
    network = network_of(read_trained(Path(shipped.__file__).parent / entry.file, sha256=entry.sha256))
    truth = embedded("embedded-mri" if entry.variant == "mri" else "embedded-grey")
    m = mixture.measure(truth, SHIPPED_PROBLEMS[entry.variant][task], 0)
    likelihood = Likelihood(m.physics, m.y, m.sigma, network.shape.link, m.scale)
    with torch.no_grad():
        estimates = network(m.physics, m.y, m.sigma, scale=m.scale, steps=4 * network.shape.steps)
        start = likelihood.image(likelihood.start())
    psnr = [float(-10 * (x - m.truth).square().mean().log10()) for x in (start, *estimates)]
    T = network.shape.steps
    assert psnr[T] > psnr[0] + 2
    assert psnr[2 * T] > psnr[T] - 0.3
    # The claim of stability beyond T is Putzky and Welling's, for real images.
    assert entry.variant == "mri" or psnr[4 * T] > psnr[T] - 0.6
