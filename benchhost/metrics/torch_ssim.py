"""The Wang SSIM in torch, differentiable, for training losses; equal to ``ssim/wang`` before its rounding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def ssim_valid(estimate: Tensor, truth: Tensor, *, data_range: float = 1.0) -> Tensor:
    """SSIM of each image of a batch: (B, C, H, W), (B, C, H, W) -> (B,), mean over channels and valid windows.

    11 x 11 Gaussian of width 1.5, K1 = 0.01, K2 = 0.03, population covariance, no padding (Wang et al. 2004).
    Raises ValueError where shapes differ or a side is below 11.
    """
    if estimate.shape != truth.shape:
        raise ValueError(f"estimate and truth differ in shape: {tuple(estimate.shape)} and {tuple(truth.shape)}")
    if min(truth.shape[-2:]) < 11:
        raise ValueError(f"images of {truth.shape[-2]}x{truth.shape[-1]} are smaller than the 11x11 window of SSIM")
    offsets = torch.arange(-5, 6, dtype=truth.dtype, device=truth.device)
    taps = torch.exp(-0.5 * (offsets / 1.5) ** 2)
    taps = taps / taps.sum()

    def local_mean(image: Tensor) -> Tensor:
        planes = image.reshape(-1, 1, *image.shape[-2:])  # (B C, 1, H, W)
        rows = F.conv2d(planes, taps.view(1, 1, -1, 1))
        return F.conv2d(rows, taps.view(1, 1, 1, -1))

    mean_e, mean_g = local_mean(estimate), local_mean(truth)
    variance_e = local_mean(estimate * estimate) - mean_e * mean_e
    variance_g = local_mean(truth * truth) - mean_g * mean_g
    covariance = local_mean(estimate * truth) - mean_e * mean_g
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    luminance = (2 * mean_e * mean_g + c1) / (mean_e * mean_e + mean_g * mean_g + c1)
    structure = (2 * covariance + c2) / (variance_e + variance_g + c2)
    return (luminance * structure).reshape(len(truth), -1).mean(1)
