"""Sensors: what happens to A x before it is a measurement.  Noise, rounding and counting, each its own stage.

Random numbers come from numpy's frozen ``RandomState`` (``seeds.random_state("noise")``), drawn in float64 on the CPU,
so a measurement depends on neither device, precision, batch nor order of work.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import torch
from torch import Tensor

Order = Literal["CHW", "HWC"]


def awgn(y: Tensor, sigma: float, random: np.random.RandomState, *, order: Order = "CHW") -> Tensor:
    """Add white Gaussian noise of standard deviation ``sigma`` (units of ``y``) to every entry; nothing is clipped.

    order: the axis order in which numbers are drawn for a (B, C, H, W) batch; "HWC" is that of code which holds
    images as (H, W, C).  The other shapes of measurements are drawn as they lie in memory.
    """
    if sigma == 0:
        return y.clone()
    if order == "HWC":
        batch, channels, height, width = y.shape
        noise = random.normal(0, sigma, (batch, height, width, channels)).transpose(0, 3, 1, 2)
    else:
        noise = random.normal(0, sigma, tuple(y.shape))
    return (y.double().cpu() + torch.from_numpy(np.ascontiguousarray(noise))).to(y)


def kair_stream() -> np.random.RandomState:
    """The stream of KAIR, DPIR and SwinIR: seed 0 again for every image, drawn in order "HWC".

    All images of one size therefore get the same noise; needed only to repeat those papers' tables.
    """
    return np.random.RandomState(0)


def round_uint8(y: Tensor) -> Tensor:
    """Clip to [0, 1] and round to the nearest of 256 levels, halves up, as MATLAB's ``uint8()`` does."""
    return ((y.clamp(0, 1).double() * 255 + 0.5).floor() / 255).to(y)


def floor_uint8(y: Tensor) -> Tensor:
    """Clip to [0, 1] and cut down to a whole level, as a blur computed on a uint8 array does (bias -0.5 level).

    A value that rounding error keeps just below a level counts as that level, so that whole levels stay themselves.
    """
    levels = y.clamp(0, 1).double() * 255
    slack = 1e-9 if y.dtype == torch.float64 else 1e-4
    return ((levels + slack).floor() / 255).to(y)


def poisson_log(
    line_integrals: Tensor, random: np.random.RandomState, *, photons: float = 4096, mu: float = 81.35858
) -> Tensor:
    """Low-dose CT: y = -ln(max(0.1, Poisson(photons exp(-mu a))) / photons) / mu for line integrals a >= 0.

    LoDoPaB-CT's law (Leuschner et al., 2021): photons per detector bin without object, ``mu`` in 1/m normalises.
    """
    expected = photons * np.exp(-mu * line_integrals.detach().cpu().double().numpy())
    counts = np.maximum(0.1, random.poisson(expected))
    return torch.from_numpy(-np.log(counts / photons) / mu).to(line_integrals)


def poisson_log_deviation(y: Tensor, *, photons: float = 4096, mu: float = 81.35858) -> Tensor:
    """Standard deviation of each entry of :func:`poisson_log`'s result, read off the measurement itself.

    To first order 1 / (mu sqrt(counts)), with the counts that ``y`` stands for; rays that meet more are noisier.
    """
    return (0.5 * mu * y).exp() / (mu * photons**0.5)
