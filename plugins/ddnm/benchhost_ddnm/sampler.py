"""DDNM: diffusion sampling in which the measured part of the image is put right at every step.

Wang, Yu and Zhang, "Zero-Shot Image Restoration Using Denoising Diffusion Null-Space Model", ICLR 2023; equation
numbers are those of the paper.  eta splits the noise of a step into fresh noise and the network's own, as in DDRM and
in the authors' code.  What differs is listed in the plugin's README.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import sqrt
from typing import Literal, Protocol

import torch
from torch import Tensor

Denoiser = Callable[[Tensor, float], Tensor]
"""x_t (B, C, H, W) in [-1, 1] plus noise, alpha_bar_t -> the estimate x_0|t of x_0, not clipped."""


class Consistency(Protocol):
    """How a sampler keeps A x = y; a = sqrt(alpha_bar) and sigma = sqrt(1 - alpha_bar) of the level it goes to."""

    def rectify(self, x0: Tensor, a: float, sigma: float) -> Tensor:
        """x_0|t with its measured part put right: (B, C, H, W)."""

    def spread(self, z: Tensor, e: Tensor, a: float, sigma: float) -> Tensor:
        """The noise to add, of fresh white noise z and the network's e: (B, C, H, W)."""


@torch.no_grad()
def sample(
    denoise: Denoiser,
    consistency: Consistency,
    moves: Iterable[tuple[float, float]],
    noise: Callable[[], Tensor],
    *,
    renoise: Literal["x0", "xt"] = "x0",
    stop: Callable[[Tensor], bool] = lambda x0_hat: False,
) -> Tensor:
    """Draw an image given its measurement: (B, C, H, W) in [-1, 1], not clipped.

    moves: pairs of alpha_bar (from, to), from :func:`benchhost_ddnm.ladder.moves`.
    noise: gives white noise of the image's shape, anew at each call.
    renoise: what time travel puts noise on: the latest x_0|t (RePaint's schedule, the authors' code), or x_t.
    stop: sees every rectified x_0|t; True makes it the result.
    """
    x = x0 = noise()  # x_T ~ N(0, I)
    for alpha_bar, next_alpha_bar in moves:
        a, sigma = sqrt(next_alpha_bar), sqrt(1 - next_alpha_bar)
        if next_alpha_bar < alpha_bar:  # time travel: q(x_t+l | x_0) or q(x_t+l | x_t)
            ratio = next_alpha_bar / alpha_bar
            x = a * x0 + sigma * noise() if renoise == "x0" else sqrt(ratio) * x + sqrt(1 - ratio) * noise()
            continue
        x0 = denoise(x, alpha_bar)  # eq. 12
        x0_hat = consistency.rectify(x0, a, sigma)  # eq. 13; eq. 17 with noise
        if stop(x0_hat) or sigma == 0:
            return x0_hat
        e = (x - sqrt(alpha_bar) * x0) / sqrt(1 - alpha_bar)
        x = a * x0_hat + consistency.spread(noise(), e, a, sigma)  # eq. 14; eq. 18 with noise
    raise ValueError("the moves of a sampler end at alpha_bar = 1")
