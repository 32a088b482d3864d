"""The records: torch-free, refusing what they cannot do before anything runs; BM3D through its own package."""

import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec

import pytest
import torch
from benchhost_classical import refusals
from benchhost_classical.params import Bm3dParams, DctParams, TvParams
from benchhost_classical.plugin import benchhost_methods

from benchhost.data.phantoms import phantom
from benchhost.plugins import load
from benchhost.testing.methods import assert_deadline
from benchhost.testing.problems import pose

CATALOGUE = load()
METHODS = {m.name: m for m in benchhost_methods()}


def test_the_records_import_no_torch():
    code = "import sys, benchhost_classical.plugin, benchhost_classical.params, benchhost_classical.refusals, "
    code += "benchhost_classical.tv_weights, benchhost_classical.spectra; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_contestant_declares_what_it_was_tuned_on_and_whom_to_cite():
    for method in METHODS.values():
        assert method.trained_on is not None
        if method.role == "method":
            assert method.citation.startswith("@")
        for name in method.trained_on:
            assert CATALOGUE.dataset(name).role == "train"


@pytest.mark.parametrize("method", ["dct", "bm3d"])
def test_denoisers_refuse_operators(method):
    refuse, params = getattr(refusals, method), {"dct": DctParams(), "bm3d": Bm3dParams()}[method]
    assert "'cs' measures through an operator" in refuse(CATALOGUE.task("cs"), None, 1, params)


def test_tv_refuses_a_nonlinear_task_it_does_not_know():
    jpeg = CATALOGUE.task("jpeg")
    assert refusals.tv(jpeg, None, 1, TvParams()) is None
    assert "no linear operator" in refusals.tv(replace(jpeg, name="phase"), None, 1, TvParams())


def test_bm3d_refuses_where_its_package_is_missing(monkeypatch):
    monkeypatch.setattr(refusals, "find_spec", lambda name: None)
    reason = refusals.bm3d(CATALOGUE.task("denoise"), None, 1, Bm3dParams())
    assert reason == "the package 'bm3d' is not installed: pip install benchhost[bm3d]"


@pytest.mark.skipif(find_spec("bm3d") is None, reason="the optional package bm3d is not installed")
@pytest.mark.parametrize("channels", [1, 3])
def test_bm3d_removes_noise_and_repeats_to_the_bit(channels):
    from benchhost_classical.bm3d import Bm3d

    x = torch.from_numpy(phantom("shepp-logan", 64)).expand(1, channels, 64, 64)
    y = x + 0.1 * torch.randn(x.shape, generator=torch.Generator().manual_seed(0))
    problem = replace(pose(CATALOGUE.task("denoise"), channels=channels, size=64).problem, y=y, sigma=0.1)
    bm3d = Bm3d(Bm3dParams(profile="lc"))
    one, two = bm3d.reconstruct(problem), bm3d.reconstruct(problem)
    assert torch.equal(one, two)
    assert (one - x).pow(2).mean() < (y - x).pow(2).mean() / 4


@pytest.mark.parametrize(("method", "params"), [("tv", {"tolerance": 0.0, "iterations": 10**6}), ("wiener", {})])
def test_iterative_methods_keep_a_deadline(method, params):
    from benchhost import params as P
    from benchhost.plugins import resolve

    values = P.build(resolve(METHODS[method].params), params, owner=method)
    assert_deadline(METHODS[method], pose(CATALOGUE.task("cs")), values, 0.3)


def test_tv_offers_iterates_for_the_convergence_record():
    from benchhost_classical.tv import Tv

    seen = []
    problem = replace(
        pose(CATALOGUE.task("cs")).problem, trace=lambda step, x, **more: seen.append((step, tuple(x.shape)))
    )
    Tv(TvParams(tolerance=0.0, iterations=100, trace_every=50)).reconstruct(problem)
    assert seen == [(50, (1, 1, 33, 33)), (100, (1, 1, 33, 33))]
