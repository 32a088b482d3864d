"""Numbers that others published or that two libraries gave on one real image."""

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.ndimage import gaussian_filter

from benchhost.metrics.psnr import psnr_255
from benchhost.metrics.ssim import ssim_sk7, ssim_wang
from benchhost.metrics.torch_ssim import ssim_valid
from benchhost.types import View


@pytest.fixture(scope="module")
def cameraman(shared_data) -> np.ndarray:
    """Set12/01 and Set11/cameraman are pixel for pixel one image."""
    return np.asarray(Image.open(shared_data / "set11" / "cameraman.tif").convert("L"), np.float64)


@pytest.fixture(scope="module")
def filtered(cameraman) -> View:
    """Noise 25 (unclipped), Gaussian filter of width 1, clipped: the pair on which SSIM libraries were compared."""
    noisy = cameraman + 25 * np.random.default_rng(0).standard_normal(cameraman.shape)
    return View(estimate=np.clip(gaussian_filter(noisy, 1), 0, 255) / 255, truth=cameraman / 255)


def test_wang_gives_what_kair_gives(filtered):
    unrounded = ssim_valid(
        *(255 * torch.from_numpy(x)[None, None] for x in (filtered.estimate, filtered.truth)), data_range=255
    )
    assert unrounded.item() == pytest.approx(0.661295, abs=5e-7)
    assert ssim_wang(filtered) == pytest.approx(0.660860, abs=5e-7)  # rounding to grey levels costs 0.0004


def test_sk7_gives_what_scikit_image_gives(filtered):
    assert ssim_sk7(filtered) == pytest.approx(0.648185, abs=5e-7)


@pytest.mark.parametrize(("sigma", "raw", "clipped"), [(15, 24.63, 24.88), (25, 20.19, 20.58), (50, 14.17, 14.90)])
def test_clipping_a_noisy_image_raises_its_psnr_as_published(cameraman, sigma, raw, clipped):
    # Means over 5 seeds; one seed of 65,536 pixels has a standard error of about 0.03 dB.
    noisy = cameraman + sigma * np.random.RandomState(0).randn(*cameraman.shape)
    assert 10 * np.log10(255**2 / np.mean((noisy - cameraman) ** 2)) == pytest.approx(raw, abs=0.06)
    assert psnr_255(View(estimate=noisy / 255, truth=cameraman / 255), rounded=False) == pytest.approx(
        clipped, abs=0.06
    )
