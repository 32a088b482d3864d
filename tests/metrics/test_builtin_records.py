"""The records of the built-in metrics: complete, resolvable, cheap to list."""

import math
import subprocess
import sys
from importlib import import_module

import numpy as np
import pytest

from benchhost.builtins.metrics import SHAVES, benchhost_metrics
from benchhost.errors import MetricUnavailable
from benchhost.types import View

METRICS = {metric.id: metric for metric in benchhost_metrics()}


def call(metric, view):
    module, _, name = metric.target.partition(":")
    return getattr(import_module(module), name)(view, **metric.options)


def test_every_protocol_of_the_built_in_tasks_has_its_metric():
    shaved = [
        f"{p}/shave{s}" for s in SHAVES for p in ("psnr/255/clip_round", "psnr/y_studio", "ssim/wang", "ssim/y_studio")
    ]
    plain = [
        "psnr/255/clip_round",
        "psnr/255/clip",
        "psnr/volmax",
        "psnr/gtrange",
        "psnr/1",
        "ssim/wang",
        "ssim/sk7",
        "ssim/sk7/volmax",
        "ssim/sk7/gtrange",
        "nmse/volume",
        "psnr_b/255",
        "consistency/l2",
    ]
    assert set(METRICS) == {*shaved, *plain}


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
@pytest.mark.parametrize("shape", [(40, 48), (40, 48, 3)])
def test_every_metric_scores_an_image_and_prefers_the_closer_one(metric, shape):
    rng = np.random.RandomState(0)
    truth = rng.rand(*shape)
    near, far = (
        View(estimate=truth + s * rng.randn(*shape), truth=truth, consistency=s, volume=False) for s in (0.02, 0.2)
    )
    better, worse = call(metric, near), call(metric, far)
    assert math.isfinite(better)
    assert math.isfinite(worse)
    assert (better > worse) == metric.higher_is_better


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_every_metric_leaves_its_input_alone(metric):
    estimate, truth = np.random.RandomState(0).rand(2, 40, 40)
    copies = estimate.copy(), truth.copy()
    call(metric, View(estimate=estimate, truth=truth, consistency=0.1))
    np.testing.assert_array_equal(estimate, copies[0])
    np.testing.assert_array_equal(truth, copies[1])


@pytest.mark.parametrize("metric", METRICS.values(), ids=METRICS)
def test_no_metric_scores_a_tiny_image_without_a_reason(metric):
    view = View(estimate=np.full((1, 1), 0.5), truth=np.full((1, 1), 0.25), consistency=0.1)
    if metric.name in ("ssim", "psnr_b") or "shave" in metric.id or metric.id.endswith("gtrange"):
        with pytest.raises(MetricUnavailable, match=r"1x1|constant"):
            call(metric, view)
    else:
        assert math.isfinite(call(metric, view))


def test_the_protocol_carries_the_version():
    assert METRICS["psnr/255/clip_round/shave4"].name == "psnr"
    assert METRICS["psnr/255/clip_round/shave4"].protocol == "255/clip_round/shave4@1"


def test_listing_metrics_imports_nothing_heavy():
    code = "import sys, benchhost.builtins.metrics as m; list(m.benchhost_metrics()); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "skimage", "scipy", "pandas"} & set(loaded)
