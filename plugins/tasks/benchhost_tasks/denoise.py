"""Denoising: y = x + n."""

import torch

from benchhost.physics.diagonal import Identity
from benchhost.physics.noise import awgn, kair_stream, round_uint8
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed
from benchhost_tasks.denoise_spec import DenoiseParams
from benchhost_tasks.images import pixels, posed, to_tensor


class Denoise:
    """Noise on the float image; clipping and rounding only as sensor stages of their own."""

    def __init__(self, params: DenoiseParams) -> None:
        self.params = params

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """Measure an item; see :class:`benchhost.types.TaskRuntime`."""
        p = self.params
        x = to_tensor(pixels(item))
        A = Identity(x.shape[1:], dtype=torch.float64)
        if p.stream == "kair":
            y = awgn(A(x), p.sigma / 255, kair_stream(), order="HWC")
        else:
            y = awgn(A(x), p.sigma / 255, seeds.random_state("noise"))
        outside = float(((y < 0) | (y > 1)).double().mean())
        if p.quantise:
            y = round_uint8(y)
        elif p.clip:
            y = y.clamp(0, 1)
        notes = {"outside_range": outside, "noise_std": float((y - x).std()) * 255}
        return posed(x=x, y=y, physics=A, sigma=p.sigma / 255, notes=notes)
