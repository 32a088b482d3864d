"""LPIPS against a computation in plain numpy, its properties, and every way to have no weights."""

import hashlib
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from benchhost_lpips.metric import lpips
from benchhost_lpips.network import NETS, distance, features
from benchhost_lpips.plugin import benchhost_metrics

from benchhost.errors import ChecksumMismatch, MetricUnavailable
from benchhost.types import View

OPTIONS = {"net": "alex", "value_range": [-1, 1], "smallest": 64}


def view(side: int = 64, *, colour: bool = True, noise: float = 0.1, **facts: object) -> View:
    rng = np.random.RandomState(0)
    shape = (side, side + 7, 3) if colour else (side, side + 7)
    truth = rng.rand(*shape)
    return View(estimate=truth + noise * rng.randn(*shape), truth=truth, **facts)


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray, stride: int, padding: int) -> np.ndarray:
    """Cross-correlation of (C, H, W), by windows."""
    x = np.pad(x, ((0, 0), (padding, padding), (padding, padding)))
    size = weight.shape[-1]
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))[:, ::stride, ::stride]
    return np.tensordot(weight, windows, ((1, 2, 3), (0, 3, 4))) + bias[:, None, None]


def pool(x: np.ndarray, size: int, stride: int) -> np.ndarray:
    windows = np.lib.stride_tricks.sliding_window_view(x, (size, size), (1, 2))[:, ::stride, ::stride]
    return windows.max((3, 4))


ALEX = ((0, 4, 2, False), (3, 1, 2, True), (6, 1, 1, True), (8, 1, 1, False), (10, 1, 1, False))
"""Index, stride, padding and whether a 3/2 pool stands before it: AlexNet's features, written out once more."""


def plain_lpips(estimate: np.ndarray, truth: np.ndarray, w: dict[str, np.ndarray]) -> float:
    """The whole of LPIPS on AlexNet in float64 numpy, for (H, W, 3) in [0, 1]."""
    w = {name: value.astype(np.float64) for name, value in w.items()}
    activations = []
    for image in (estimate, truth):
        x = 2 * np.moveaxis(np.round(np.clip(image, 0, 1) * 255) / 255, -1, 0) - 1
        x = (x - np.array([-0.030, -0.088, -0.188])[:, None, None]) / np.array([0.458, 0.448, 0.450])[:, None, None]
        taken = []
        for index, stride, padding, pooled in ALEX:
            x = pool(x, 3, 2) if pooled else x
            x = np.maximum(convolve(x, w[f"features.{index}.weight"], w[f"features.{index}.bias"], stride, padding), 0)
            taken.append(x / (np.sqrt((x**2).sum(0)) + 1e-10))
        activations.append(taken)
    layers = enumerate(zip(*activations, strict=True))
    return float(sum((((a - b) ** 2) * w[f"lin{n}.model.1.weight"][0]).sum(0).mean() for n, (a, b) in layers))


@pytest.mark.parametrize("side", [64, 71])
def test_alexnet_lpips_equals_plain_numpy(given, tensors, side):
    given()
    v = view(side)
    expected = plain_lpips(v.estimate, v.truth, tensors["alex"])
    assert expected > 0.01
    assert lpips(v, **OPTIONS) == pytest.approx(expected, rel=1e-4)  # float32 through five layers


def test_a_grey_image_is_one_with_three_equal_channels(given):
    given()
    grey = view(colour=False)
    colour = View(estimate=np.stack([grey.estimate] * 3, -1), truth=np.stack([grey.truth] * 3, -1))
    assert lpips(grey, **OPTIONS) == pytest.approx(lpips(colour, **OPTIONS), rel=1e-6)


def test_equal_images_score_zero_and_more_noise_scores_worse(given):
    given()
    assert lpips(view(noise=0.0), **OPTIONS) == 0.0
    assert 0 < lpips(view(noise=0.02), **OPTIONS) < lpips(view(noise=0.2), **OPTIONS)


def test_the_order_of_the_pair_does_not_matter(given):
    given()
    v = view()
    assert lpips(View(estimate=v.truth, truth=v.estimate), **OPTIONS) == pytest.approx(lpips(v, **OPTIONS), rel=1e-6)


def test_a_batch_is_scored_pair_by_pair(tensors):
    w = {name: torch.from_numpy(value) for name, value in tensors["alex"].items()}
    a, b = torch.rand(2, 3, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    together = distance("alex", w, a, b)
    alone = torch.cat([distance("alex", w, a[n : n + 1], b[n : n + 1]) for n in range(3)])
    torch.testing.assert_close(together, alone)


def test_alexnet_s_layers_have_the_known_sizes(tensors):
    w = {name: torch.from_numpy(value) for name, value in tensors["alex"].items()}
    found = [tuple(x.shape[1:]) for x in features("alex", w, torch.zeros(1, 3, 224, 224))]
    assert found == [(64, 55, 55), (192, 27, 27), (384, 13, 13), (256, 13, 13), (256, 13, 13)]
    parameters = sum(np.prod(value.shape) for name, value in tensors["alex"].items() if name.startswith("features"))
    assert parameters == 2_469_696


def test_vgg_s_layers_have_the_known_sizes(tensors):
    w = {name: torch.from_numpy(value) for name, value in tensors["vgg"].items()}
    found = [tuple(x.shape[1:]) for x in features("vgg", w, torch.zeros(1, 3, 64, 64))]
    assert found == [(64, 64, 64), (128, 32, 32), (256, 16, 16), (512, 8, 8), (512, 4, 4)]
    parameters = sum(np.prod(value.shape) for name, value in tensors["vgg"].items() if name.startswith("features"))
    assert parameters == 14_714_688


def test_vgg_scores_too(given):
    given("vgg")
    assert lpips(view(), **{**OPTIONS, "net": "vgg"}) > 0


def test_without_weights_the_metric_is_unavailable_and_says_what_to_set(monkeypatch):
    monkeypatch.delenv("BENCHHOST_LPIPS_ALEX_BACKBONE", raising=False)
    with pytest.raises(MetricUnavailable, match="BENCHHOST_LPIPS_ALEX_BACKBONE is not set"):
        lpips(view(), **OPTIONS)


def test_a_path_without_checksum_is_not_enough(given, monkeypatch):
    given()
    monkeypatch.delenv("BENCHHOST_LPIPS_ALEX_HEADS_SHA256")
    with pytest.raises(MetricUnavailable, match="HEADS_SHA256 is not set"):
        lpips(view(), **OPTIONS)


def test_a_missing_file_is_named(given, monkeypatch):
    given()
    monkeypatch.setenv("BENCHHOST_LPIPS_ALEX_BACKBONE", "/nowhere/alexnet.safetensors")
    with pytest.raises(MetricUnavailable, match="/nowhere/alexnet.safetensors.*No such file"):
        lpips(view(), **OPTIONS)


def test_another_file_than_the_one_meant_is_refused(given):
    paths = given()
    lpips(view(), **OPTIONS)
    with paths["heads"].open("ab") as file:
        file.write(b"x")
    with pytest.raises(ChecksumMismatch, match="heads.safetensors has sha256 .*, expected"):
        lpips(view(), **OPTIONS)


def test_a_pickle_is_not_read(given, monkeypatch, tmp_path):
    given()
    path = tmp_path / "alexnet.pth"
    torch.save({"features.0.weight": torch.zeros(1)}, path)
    monkeypatch.setenv("BENCHHOST_LPIPS_ALEX_BACKBONE", str(path))
    monkeypatch.setenv("BENCHHOST_LPIPS_ALEX_BACKBONE_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(MetricUnavailable, match="not a safetensors file"):
        lpips(view(), **OPTIONS)


def test_weights_of_another_network_are_refused_by_name_or_shape(given, monkeypatch):
    vgg, alex = given("vgg"), given("alex")
    for part, words in (("backbone", "has shape|no tensor"), ("heads", "has shape")):
        name = f"BENCHHOST_LPIPS_ALEX_{part.upper()}"
        monkeypatch.setenv(name, str(vgg[part]))
        monkeypatch.setenv(f"{name}_SHA256", hashlib.sha256(vgg[part].read_bytes()).hexdigest())
        with pytest.raises(MetricUnavailable, match=words):
            lpips(view(), **OPTIONS)
        monkeypatch.setenv(name, str(alex[part]))
        monkeypatch.setenv(f"{name}_SHA256", hashlib.sha256(alex[part].read_bytes()).hexdigest())


def test_small_images_and_volumes_have_no_lpips(given):
    given()
    with pytest.raises(MetricUnavailable, match="64 pixels or more, the image has 63x70"):
        lpips(view(63), **OPTIONS)
    with pytest.raises(MetricUnavailable, match="not volumes"):
        lpips(view(volume=True), **OPTIONS)


def test_the_records_name_net_range_and_smallest_size():
    metrics = {metric.id: metric for metric in benchhost_metrics()}
    assert set(metrics) == {f"lpips/{net}/v0.1" for net in NETS}
    for metric in metrics.values():
        assert not metric.higher_is_better
        assert metric.options == {"net": metric.id.split("/")[1], "value_range": [-1, 1], "smallest": 64}


def test_the_entry_point_names_the_plugin_and_listing_it_is_cheap():
    root = Path(__file__).parents[1]
    project = tomllib.loads((root / "pyproject.toml").read_text())["project"]
    (module,) = project["entry-points"]["benchhost"].values()
    code = f"import sys, {module} as m; list(m.benchhost_metrics()); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout.strip() == "False"
