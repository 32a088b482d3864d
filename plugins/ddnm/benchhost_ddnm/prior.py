"""Training of the diffusion prior: noise prediction at log-uniform noise levels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchhost.data.readers import rgb2gray
from benchhost.errors import UsageError
from benchhost.nets import NoiseSchedule, UNet, UNetShape
from benchhost.nets.schedule import alpha_bar_of
from benchhost.types import Item
from benchhost_ddnm.params import PriorParams

FOCUS, WIDE = (0.06, 0.8), (0.02, 8.0)
VALIDATED = (
    15.0,
    25.0,
    50.0,
    100.0,
    380.0,
)  # grey levels of 255; the last is about where 10 % compressed sensing starts
CROP = 128


class Prior:
    """The U-Net learns v, of which its noise prediction is a function; see :class:`benchhost.nets.UNet`.

    The loss is the squared error of v, which weighs the squared error of eps by 1 / alpha_bar and that of x_0 by
    1 / (1 - alpha_bar): it neither vanishes nor explodes at either end of the schedule.
    """

    def __init__(self, params: PriorParams) -> None:
        self.params = params
        self.schedule = NoiseSchedule()
        self.shape = UNetShape(
            channels=params.channels, widths=params.widths, down=params.down, up=params.up, embedding=params.embedding
        )

    def network(self) -> nn.Module:
        """The untrained U-Net."""
        return UNet(self.shape)

    def prepare(self, item: Item) -> np.ndarray:
        """uint8 (C, H, W): colour files become grey by the rule that made the grey Berkeley sets."""
        pixels = item.array
        if item.kind != "image":
            raise UsageError(f"the prior of natural images cannot learn from '{item.dataset}', of kind '{item.kind}'")
        if self.params.channels == 1:
            return (rgb2gray(pixels) if pixels.ndim == 3 else pixels)[None]
        if pixels.ndim == 2:
            raise UsageError(f"{item.dataset}: {item.name} is grey, a colour prior needs colour images")
        return pixels.transpose(2, 0, 1)

    def loss(self, network: nn.Module, batch: Tensor, rng: torch.Generator) -> Tensor:
        """Mean squared error of v over the batch (B, C, P, P) in [0, 1]."""
        alpha_bar = self.noise_levels(len(batch), rng).to(batch.device, torch.float32)
        eps = torch.randn(batch.shape, generator=rng).to(batch.device)
        x0 = 2 * batch - 1
        signal, noise = (c.sqrt()[:, None, None, None] for c in (alpha_bar, 1 - alpha_bar))
        # eps = signal v + noise x_t, so that a difference in v is the difference in eps over the signal.
        error = (network(signal * x0 + noise * eps, alpha_bar) - eps) / signal
        return error.square().mean()

    def noise_levels(self, count: int, rng: torch.Generator) -> Tensor:
        """alpha_bar per sample, (count,) float64: stratified over one mixture, so that every batch spans the levels."""
        focus, wide = self.params.focus, self.params.wide
        place = (
            torch.arange(count, dtype=torch.float64) + torch.rand(count, generator=rng, dtype=torch.float64)
        ) / count
        index = ((place - focus - wide) / max(1 - focus - wide, 1e-9) * self.schedule.steps).long()
        steps = self.schedule.alpha_bar[index.clamp(0, self.schedule.steps - 1)]
        levels = torch.where(
            place < focus,
            alpha_bar_of(_log_uniform(place / max(focus, 1e-9), *FOCUS)),
            torch.where(
                place < focus + wide, alpha_bar_of(_log_uniform((place - focus) / max(wide, 1e-9), *WIDE)), steps
            ),
        )
        return levels[torch.randperm(count, generator=rng)]

    def validate(self, network: nn.Module, images: Sequence[Tensor]) -> Mapping[str, float]:
        """Mean PSNR in dB of one-step denoising of the centre crops, per sigma in grey levels (clipped, peak 255)."""
        figures = {}
        for sigma in VALIDATED:
            values = []
            for number, image in enumerate(images):
                x0 = _centre(image, CROP)
                noise = np.random.RandomState([number, int(sigma)]).standard_normal(x0.shape)
                noisy = x0 + torch.from_numpy(noise).to(x0) * (sigma / 255)
                estimate = denoise(network, noisy, sigma / 255).clamp(0, 1)
                values.append(-10 * float((estimate - x0).square().mean().log10()))
            figures[f"psnr_sigma{sigma:g}"] = float(np.mean(values))
        return figures

    def facts(self) -> Mapping[str, Any]:
        """Shape and schedule."""
        return {
            "architecture": "benchhost.nets:UNet",
            "shape": asdict(self.shape),
            "prediction": "eps, from v",
            "range": [-1, 1],
            "schedule": {"kind": "linear beta", "first": 1e-4, "last": 0.02, "steps": 1000},
        }


def denoise(network: UNet, noisy: Tensor, sigma: float) -> Tensor:
    """One-step estimate of an image in [0, 1] from image + sigma * noise: (B, C, H, W) -> (B, C, H, W), not clipped."""
    alpha_bar = torch.full((len(noisy),), alpha_bar_of(2 * sigma), device=noisy.device, dtype=noisy.dtype)
    x_t = (2 * noisy - 1) * alpha_bar.sqrt()[:, None, None, None]
    return (network.denoise(x_t, alpha_bar) + 1) / 2


def _log_uniform(place: Tensor, low: float, high: float) -> Tensor:
    return low * (high / low) ** place.clamp(0, 1)


def _centre(image: Tensor, side: int) -> Tensor:
    top, left = ((size - side) // 2 if size > side else 0 for size in image.shape[-2:])
    return image[..., top : top + side, left : left + side]
