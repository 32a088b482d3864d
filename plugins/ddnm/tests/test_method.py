"""``ddnm`` and ``ddnm_plus`` as the benchmark runs them, with a small random network or an exact denoiser."""

import subprocess
import sys
import time
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch
from benchhost_ddnm import refusals
from benchhost_ddnm.method import Ddnm, DdnmPlus, NetworkDenoiser, _Clock, load_prior
from benchhost_ddnm.params import DdnmParams, DdnmPlusParams
from benchhost_ddnm.plugin import PRIOR

from benchhost import params as P
from benchhost.errors import UsageError
from benchhost.nets.scale import scale_of
from benchhost.nets.weights import WeightsError
from benchhost.physics.diagonal import Identity, Mask
from benchhost.physics.sense import MultiCoilFourier
from benchhost.plugins import load
from benchhost.testing.methods import assert_batch_is_loop, assert_method, why_not
from benchhost.testing.priors import GaussianPrior
from benchhost.testing.problems import pose
from benchhost.types import Problem

CATALOGUE = load()
LINEAR = [name for name, task in CATALOGUE.tasks.items() if "linear" in task.offers]
NOISY = {
    "cs": {"sigma": 10},
    "sr": {"sigma": 10},
    "inpaint": {"sigma": 10},
    "mri": {"sigma": 0.05},
    "ct": {"noise": "gaussian"},
}
EXACT = [
    ("cs", {"ratio": 0.25}),
    ("cs", {"ratio": 0.1, "operator": "scrambled", "block": 32}),
    ("inpaint", {"keep": 0.3}),
    ("sr", {"scale": 2}),
    ("sr", {"scale": 4}),
    ("mri", {"acceleration": 4}),
    ("mri", {"protocol": "ista", "ratio": 0.3}),
    ("mri", {"protocol": "ista", "mask": "variable", "ratio": 0.2}),
    ("deblur", {"kernel": "motion", "sigma": 0}),
    ("denoise", {"sigma": 0}),
]
TRUNCATED = [("deblur", {"sigma": 0}), ("deblur", {"kernel": "ddnm", "boundary": "zero", "sigma": 0})]


def toy(physics=None, *, batch=1, sigma=0.0, **values):
    """A problem on 8 x 8 pixels."""
    physics = physics or Mask((1, 8, 8), np.random.RandomState(0).rand(8, 8) < 0.5)
    y = torch.rand((batch, *physics.out_shape), generator=torch.Generator().manual_seed(1))
    common = {"image_shape": physics.in_shape, "rng": torch.Generator().manual_seed(0), "sigma": sigma}
    return Problem(y=physics.A(y) if physics.in_shape == physics.out_shape else y, physics=physics, **common | values)


def params(cls=DdnmParams, **values):
    return P.build(cls, {"steps": 5, "eta": 0.85, **values}, owner="ddnm")


def run(problem, denoise, cls=Ddnm, **values):
    kind = DdnmPlusParams if cls is DdnmPlus else DdnmParams
    return cls(params(kind, **values), denoise).reconstruct(problem)


@pytest.mark.parametrize("task", LINEAR)
@pytest.mark.parametrize("method", ["ddnm", "ddnm_plus"])
def test_the_contract_is_kept_on_every_linear_task(method, task, weights):
    record, values = CATALOGUE.method(method), {"steps": 5, "weights": weights}
    posing = pose(CATALOGUE.task(task), NOISY.get(task))
    if task == "denoise" and method == "ddnm":
        assert "ddnm_plus denoises" in why_not(record, posing, values)
        return
    assert why_not(record, posing, values) == ""
    assert_method(record, posing, values)


@pytest.mark.parametrize(("task", "values"), EXACT + TRUNCATED)
@pytest.mark.parametrize("cls", [Ddnm, DdnmPlus])
def test_without_noise_the_measurement_is_kept(cls, task, values, weights):
    problem = pose(CATALOGUE.task(task), values).problem
    assert problem.sigma == 0
    A, estimate = problem.physics, run(problem, None, cls, weights=weights)
    residual = A.A(estimate) - problem.y
    if (task, values) in TRUNCATED:  # where A+ leaves small singular values out, they are the prior's
        residual = A.A(A.A_dagger(residual))
    assert residual.norm() / problem.y.norm() < 1e-5  # single precision


@pytest.mark.parametrize(("task", "method"), [("cs", "ddnm"), ("sr", "ddnm"), ("cs", "ddnm_plus"), ("ct", "ddnm_plus")])
def test_a_batch_is_a_loop(task, method, weights):
    posing = pose(CATALOGUE.task(task), NOISY[task])
    record = CATALOGUE.method(method)
    # fp32: bf16 kernels round a batch of two otherwise than one image, on some processors by more than the tolerance
    given = {"steps": 5, "weights": weights, "precision": "fp32"}
    values = P.build(DdnmPlusParams if method == "ddnm_plus" else DdnmParams, given, owner="")
    assert_batch_is_loop(record, posing, values)


def test_slices_with_coil_maps_of_their_own_are_sampled_together(gaussian):
    rng = np.random.RandomState(0)
    maps = rng.standard_normal((2, 3, 8, 8)) + 1j * rng.standard_normal((2, 3, 8, 8))
    maps /= np.sqrt((np.abs(maps) ** 2).sum(1, keepdims=True))
    physics = MultiCoilFourier(np.arange(8) % 2 == 0, maps)
    y = physics.A(torch.rand((2, 2, 8, 8), generator=torch.Generator().manual_seed(0)))
    denoise = type(gaussian)(GaussianPrior((2, 8, 8), mean=0.0))
    for cls in (Ddnm, DdnmPlus):
        problem = Problem(
            y=y,
            physics=physics,
            sigma=0.1,
            image_shape=(2, 8, 8),
            rng=torch.Generator().manual_seed(0),
            complex_image=True,
            value_range=None,
        )
        assert run(problem, denoise, cls).shape == (2, 2, 8, 8)


def test_without_noise_ddnm_plus_is_ddnm(gaussian):
    exact = run(toy(), gaussian)
    for form in ("auto", "scalar", "spectral"):
        assert torch.equal(run(toy(), gaussian, DdnmPlus, form=form), exact)


def test_the_form_follows_the_operator_unless_told(gaussian):
    auto = run(toy(sigma=0.1), gaussian, DdnmPlus)
    assert torch.equal(auto, run(toy(sigma=0.1), gaussian, DdnmPlus, form="spectral"))
    assert not torch.allclose(auto, run(toy(sigma=0.1), gaussian, DdnmPlus, form="scalar"))
    ct = pose(CATALOGUE.task("ct"), {"noise": "gaussian"}).problem
    with pytest.raises(UsageError, match=r"form=spectral needs the singular values of A, which Radon\(.* not offer"):
        run(ct, gaussian, DdnmPlus, form="spectral")


def test_an_unknown_noise_level_is_refused(gaussian):
    with pytest.raises(UsageError, match="ddnm_plus: needs the noise level of y, and problem.sigma is None"):
        run(toy(sigma=None), gaussian, DdnmPlus)
    posing = pose(CATALOGUE.task("ct"), {"noise": "poisson"})
    assert "needs sigma" in why_not(CATALOGUE.method("ddnm_plus"), posing, {"weights": "w"})


@pytest.mark.parametrize(("cls", "name"), [(Ddnm, "ddnm"), (DdnmPlus, "ddnm_plus")])
def test_a_measurement_that_is_not_finite_is_refused_by_name(cls, name, gaussian):
    problem = toy()
    problem.y[0, 0, :2, 0] = torch.nan
    with pytest.raises(UsageError, match=f"{name}: problem.y has 2 values that are not finite"):
        run(problem, gaussian, cls)


def test_the_prior_is_asked_in_its_own_range(gaussian):
    seen = []

    def denoise(x, alpha_bar):
        seen.append(x)
        return torch.zeros_like(x)

    # Nothing but mid-grey is ever predicted: what was not measured becomes the middle of the range.
    problem = toy()
    grey = run(problem, denoise, eta=1.0)
    mask = problem.physics.singular_values.reshape(1, 1, 8, 8) > 0
    torch.testing.assert_close(grey, torch.where(mask, problem.y, 0.5))
    centred = run(replace(toy(), value_range=(-1.0, 1.0)), denoise, eta=1.0)
    torch.testing.assert_close(centred, torch.where(mask, problem.y, 0.0))
    assert seen[0].std() == pytest.approx(1, abs=0.3)


def test_an_image_without_range_is_scaled_by_its_own_peak():
    physics = Identity((2, 8, 8))
    y = torch.zeros((1, 2, 8, 8))
    y[0, :, 3, 3] = torch.tensor([3.0, 4.0])
    problem = toy(physics, value_range=None, complex_image=True)
    assert scale_of(replace(problem, y=y)) == (0.0, 5.0)
    assert scale_of(replace(problem, y=0 * y)) == (0.0, 1.0)


def test_every_step_is_traced_and_the_last_is_the_result(gaussian):
    rows = []
    problem = replace(toy(), trace=lambda step, x: rows.append((step, x)))
    result = run(problem, gaussian, steps=6, travel_length=2, travel_repeat=2)
    assert [step for step, _ in rows] == list(range(1, len(gaussian.asked) + 1))
    assert len(rows) == 10
    assert torch.equal(rows[-1][1], result)


def test_at_the_deadline_the_latest_consistent_estimate_is_returned(gaussian):
    problem = replace(toy(), deadline=time.monotonic() - 1)
    estimate = run(problem, gaussian, steps=50)
    assert len(gaussian.asked) == 1
    torch.testing.assert_close(problem.physics.A(estimate), problem.y)


def test_the_clock_stops_before_a_step_that_would_come_too_late():
    times = iter([0.0, 1.0, 3.0, 4.0])
    clock = _Clock(6.9, lambda: next(times))
    assert [clock.short() for _ in range(3)] == [False, False, True]  # 3 + 3 is in time, 4 + 3 is not
    assert not _Clock(None).short()


def test_colour_goes_through_a_grey_prior_channel_by_channel(weights):
    denoise = NetworkDenoiser(load_prior(weights), "fp32", "cpu")
    x = torch.randn((2, 3, 8, 8), generator=torch.Generator().manual_seed(0))
    together = denoise(x, 0.5)
    for c in range(3):
        torch.testing.assert_close(together[:, c : c + 1], denoise(x[:, c : c + 1], 0.5))
    posing = pose(CATALOGUE.task("inpaint"), {"keep": 0.5}, channels=3)
    assert_method(CATALOGUE.method("ddnm"), posing, {"steps": 3, "weights": weights})


def test_a_colour_prior_takes_colour_images_only(colour_weights):
    denoise = NetworkDenoiser(load_prior(colour_weights), "fp32", "cpu")
    assert denoise(torch.zeros(1, 3, 8, 8), 0.5).shape == (1, 3, 8, 8)
    with pytest.raises(WeightsError, match="an image of 1 channels: expected a grey prior, found one of 3"):
        denoise(torch.zeros(1, 1, 8, 8), 0.5)


def test_low_precision_is_used_where_it_was_asked_for_and_stays_inside(weights):
    network = load_prior(weights)
    x = torch.randn((1, 1, 16, 16), generator=torch.Generator().manual_seed(0))
    full, low = (NetworkDenoiser(network, name, "cpu")(x, 0.5) for name in ("fp32", "bf16"))
    assert low.dtype == torch.float32
    assert 0 < (full - low).abs().max() < 0.1
    assert NetworkDenoiser(network, "fp32", "cpu")(x.double(), 0.5).dtype == torch.float64


def test_the_shipped_prior_is_found_and_is_what_its_checksum_says():
    package, _, file = PRIOR.file.partition(":")
    if not (files(package) / file).is_file():
        assert not PRIOR.sha256
        pytest.skip(f"no {file} is shipped yet")
    assert load_prior(None).shape.channels == 1


def test_a_shipped_prior_of_other_bytes_or_without_a_checksum_is_refused(monkeypatch):
    other = replace(PRIOR, file="benchhost.nets:unet.py", sha256="0" * 64)
    monkeypatch.setattr("benchhost_ddnm.method.PRIOR", other)
    with pytest.raises(WeightsError, match=rf"unet.py: expected sha256 {'0' * 64}, found "):
        run(toy(), None)
    monkeypatch.setattr("benchhost_ddnm.method.PRIOR", replace(other, sha256=""))
    with pytest.raises(WeightsError, match="no checksum is declared for the shipped prior"):
        run(toy(), None)


def test_without_a_prior_the_plan_says_so(monkeypatch, weights):
    monkeypatch.setattr(refusals, "PRIOR", replace(PRIOR, file="benchhost.priors:absent.safetensors"))
    task = CATALOGUE.task("cs")
    for refuse, cls in ((refusals.ddnm, DdnmParams), (refusals.ddnm_plus, DdnmPlusParams)):
        assert "ships no absent.safetensors; train one (benchhost train prior)" in refuse(task, None, 1, cls())
        assert refuse(task, None, 1, cls(weights=weights)) is None


def test_a_users_weights_count_by_their_bytes(weights, tmp_path):
    copy = tmp_path / "elsewhere.safetensors"
    copy.write_bytes(Path(weights).read_bytes())
    assert P.content(params(weights=str(copy))) == P.content(params(weights=weights))
    copy.write_bytes(copy.read_bytes() + b"\0")
    assert P.content(params(weights=str(copy))) != P.content(params(weights=weights))
    with pytest.raises(UsageError, match=r"no file of weights absent.safetensors \(looked for it from"):
        P.content(params(weights="absent.safetensors"))


def test_the_records_import_no_torch():
    code = "import sys, benchhost_ddnm.plugin, benchhost_ddnm.params, benchhost_ddnm.refusals; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
