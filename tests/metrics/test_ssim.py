"""SSIM presets against an implementation written from the paper, scikit-image and torchmetrics."""

import numpy as np
import pytest
import torch
from scipy.signal import convolve2d
from skimage.metrics import structural_similarity

from benchhost.errors import MetricUnavailable
from benchhost.metrics.ssim import ssim_sk7, ssim_sk7_gtrange, ssim_sk7_volmax, ssim_wang, ssim_y_studio
from benchhost.metrics.torch_ssim import ssim_valid
from benchhost.types import View

FORMULA = 1e-9  # two float64 evaluations of one formula; the constants keep it away from division by zero


def ssim_from_the_paper(x: np.ndarray, y: np.ndarray, window: np.ndarray, *, span: float, sample: bool) -> float:
    """Wang et al. 2004, eq. 13-16, with one two-dimensional window and no padding."""

    def mean(z: np.ndarray) -> np.ndarray:
        return convolve2d(z, window, mode="valid")

    n = window.size if sample else None
    unbias = n / (n - 1) if sample else 1.0
    mx, my = mean(x), mean(y)
    vx, vy, cxy = (unbias * (mean(p) - q) for p, q in ((x * x, mx * mx), (y * y, my * my), (x * y, mx * my)))
    c1, c2 = (0.01 * span) ** 2, (0.03 * span) ** 2
    index = (2 * mx * my + c1) * (2 * cxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
    return float(index.mean())


def gaussian_window() -> np.ndarray:
    """MATLAB's fspecial('gaussian', 11, 1.5)."""
    i, j = np.mgrid[-5:6, -5:6]
    window = np.exp(-(i**2 + j**2) / (2 * 1.5**2))
    return window / window.sum()


UNIFORM = np.full((7, 7), 1 / 49)


def grey_levels(image: np.ndarray) -> np.ndarray:
    return np.round(np.clip(255 * image, 0, 255))


@pytest.mark.parametrize("shape", [(32, 40), (11, 11), (31, 17)])
def test_wang_equals_the_paper(view, shape):
    v = view(*shape)
    expected = ssim_from_the_paper(
        grey_levels(v.truth), grey_levels(v.estimate), gaussian_window(), span=255, sample=False
    )
    assert ssim_wang(v) == pytest.approx(expected, abs=FORMULA)


@pytest.mark.parametrize("shape", [(32, 40), (7, 7), (31, 17)])
def test_sk7_equals_the_paper_with_a_uniform_window_and_sample_covariance(view, shape):
    v = view(*shape)
    clipped = [np.clip(255 * x, 0, 255) for x in (v.truth, v.estimate)]
    assert ssim_sk7(v) == pytest.approx(ssim_from_the_paper(*clipped, UNIFORM, span=255, sample=True), abs=FORMULA)


def test_the_two_presets_are_two_metrics(view):
    v = view(64, 64)
    assert abs(ssim_wang(v) - ssim_sk7(v)) > 1e-3


def test_colour_is_the_mean_of_the_channels(view):
    v = view(32, 32, 3)
    channels = [View(estimate=v.estimate[..., c], truth=v.truth[..., c]) for c in range(3)]
    assert ssim_wang(v) == pytest.approx(np.mean([ssim_wang(c) for c in channels]), abs=FORMULA)
    expected = structural_similarity(
        np.clip(255 * v.truth, 0, 255), np.clip(255 * v.estimate, 0, 255), channel_axis=-1, data_range=255
    )
    assert ssim_sk7(v) == pytest.approx(expected, abs=FORMULA)


def test_a_volume_is_scored_slice_by_slice_with_one_range(view):
    # fastMRI evaluate.py: range from the whole volume, index per slice, mean over slices.
    v = view(3, 24, 24)
    scale = np.array([0.2, 1.0, 0.5])[:, None, None]
    v = View(estimate=v.estimate * scale, truth=v.truth * scale, volume=True)
    slices = [
        ssim_from_the_paper(g, e, UNIFORM, span=v.truth.max(), sample=True)
        for g, e in zip(v.truth, v.estimate, strict=True)
    ]
    assert ssim_sk7_volmax(v) == pytest.approx(np.mean(slices), abs=FORMULA)
    own_range = [structural_similarity(g, e, data_range=g.max()) for g, e in zip(v.truth, v.estimate, strict=True)]
    assert abs(ssim_sk7_volmax(v) - np.mean(own_range)) > 0.005, "slice-wise ranges are another metric"


def test_a_stated_maximum_replaces_the_volumes_own(view):
    v = view(3, 24, 24, volume=True, data_range=3.0)
    slices = [structural_similarity(g, e, data_range=3.0) for g, e in zip(v.truth, v.estimate, strict=True)]
    assert ssim_sk7_volmax(v) == pytest.approx(np.mean(slices), abs=FORMULA)


def test_ct_range_is_the_extent_of_the_truth(view):
    v = view(24, 24)
    v = View(estimate=0.2 + 0.3 * v.estimate, truth=0.2 + 0.3 * v.truth)
    expected = ssim_from_the_paper(v.truth, v.estimate, UNIFORM, span=np.ptp(v.truth), sample=True)
    assert ssim_sk7_gtrange(v) == pytest.approx(expected, abs=FORMULA)


def test_luma_preset_shaves_the_luma(view):
    from skimage.color import rgb2ycbcr

    v = view(32, 36, 3)
    lumas = [np.floor(rgb2ycbcr(np.clip(x, 0, 1))[4:-4, 4:-4, 0] + 0.5) for x in (v.truth, v.estimate)]
    expected = ssim_from_the_paper(*lumas, gaussian_window(), span=255, sample=False)
    assert ssim_y_studio(v, shave=4) == pytest.approx(expected, abs=FORMULA)


@pytest.mark.parametrize("metric", [ssim_wang, ssim_sk7, ssim_sk7_volmax])
def test_equal_images_score_one_and_the_order_of_the_pair_does_not_matter(view, metric):
    v = view(24, 24, data_range=1.0)
    assert metric(View(estimate=v.truth, truth=v.truth)) == pytest.approx(1.0, abs=1e-12)
    assert metric(View(estimate=v.truth, truth=v.estimate, data_range=1.0)) == pytest.approx(metric(v), abs=FORMULA)


def test_turning_both_images_changes_nothing(view):
    v = view(24, 31)
    turned = View(estimate=np.rot90(v.estimate), truth=np.rot90(v.truth))
    assert ssim_wang(turned) == pytest.approx(ssim_wang(v), abs=FORMULA)
    assert ssim_sk7(turned) == pytest.approx(ssim_sk7(v), abs=FORMULA)


def test_an_image_smaller_than_the_window_is_named():
    small = View(estimate=np.zeros((10, 30)), truth=np.zeros((10, 30)))
    with pytest.raises(MetricUnavailable, match="10x30 is smaller than the 11x11 window"):
        ssim_wang(small)
    with pytest.raises(MetricUnavailable, match="6x26 is smaller than the 11x11 window"):
        ssim_wang(small, shave=2)
    with pytest.raises(MetricUnavailable, match="7x7"):
        ssim_sk7(View(estimate=np.zeros((6, 6)), truth=np.zeros((6, 6))))


@pytest.mark.parametrize("shape", [(2, 1, 20, 31), (3, 3, 16, 16)])
def test_the_torch_version_equals_scikit_image(shape):
    rng = np.random.RandomState(0)
    truth = rng.rand(*shape)
    estimate = truth + 0.1 * rng.randn(*shape)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}
    expected = [structural_similarity(g, e, channel_axis=0, **settings) for g, e in zip(truth, estimate, strict=True)]
    ours = ssim_valid(torch.from_numpy(estimate), torch.from_numpy(truth))
    np.testing.assert_allclose(ours, expected, atol=1e-9)
    single = ssim_valid(torch.from_numpy(estimate).float(), torch.from_numpy(truth).float())
    np.testing.assert_allclose(single, expected, atol=1e-5)  # float32 variances by difference lose 2-3 digits


def test_the_torch_version_has_the_right_gradient():
    rng = torch.Generator().manual_seed(0)
    estimate, truth = torch.rand(2, 1, 1, 12, 13, generator=rng, dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: ssim_valid(x, truth), estimate.requires_grad_())


def test_the_torch_version_refuses_what_does_not_fit():
    with pytest.raises(ValueError, match="differ in shape"):
        ssim_valid(torch.zeros(1, 1, 16, 16), torch.zeros(1, 1, 16, 17))
    with pytest.raises(ValueError, match="10x16 are smaller than the 11x11 window"):
        ssim_valid(torch.zeros(1, 1, 10, 16), torch.zeros(1, 1, 10, 16))


def test_torchmetrics_pads_and_therefore_differs(view):
    functional = pytest.importorskip("torchmetrics.functional.image", reason="torchmetrics is not installed")
    v = view(64, 64)
    x, y = (torch.from_numpy(grey_levels(z))[None, None] for z in (v.estimate, v.truth))
    padded = functional.structural_similarity_index_measure(x, y, data_range=255.0).item()
    assert 1e-5 < abs(padded - ssim_wang(v)) < 0.02
