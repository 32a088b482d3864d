"""All that a RIM learns of a measurement: where it starts, and at each step the gradient of the log-likelihood."""

from __future__ import annotations

import torch
from torch import Tensor

from benchhost.nets.scale import UNIT, Scale
from benchhost.physics import LinearPhysics
from benchhost_rim.link import Link, image, inverse, slope


class Likelihood:
    """Of images v in [-1, 1] under y' = A' v + noise, with the operator brought to norm 1: A' = A / |A|.

    With x = m + h v in the problem's own range, y' = (y - A m) / (h |A|) and sigma' = sigma / (h |A|).  What a RIM
    sees then has the same size for each operator; nothing else tells it which operator it has.

    y: (B, *physics.out_shape), float32.  sigma: as in the problem.  scale: of its images.
    """

    def __init__(self, physics: LinearPhysics, y: Tensor, sigma: float, link: Link, scale: Scale = UNIT) -> None:
        self.physics, self.scale, self.link = physics, scale, link
        self.norm = float(physics.norm) or 1.0
        self.measured = scale.measurement(physics, y)
        self.y = self.measured / self.norm
        self.sigma = sigma / (scale.half * self.norm)

    def start(self) -> Tensor:
        """eta_0, of the task's baseline for what differs from mid-grey: zero-filled MRI, filtered back-projection of
        CT, bicubic, A+ y of compressed sensing, the image itself with noise or blur; unseen pixels are mid-grey.
        """
        return inverse(self.link, self.physics.baseline(self.measured))

    def gradient(self, eta: Tensor, epsilon: Tensor) -> Tensor:
        """d log p(y | Psi(eta)) / d eta, of white noise of variance sigma'^2 + epsilon: (B, C, H, W) -> the same.

        epsilon: (1,), positive: keeps the gradient finite where there is no noise.
        """
        v = image(self.link, eta)
        residual = self.y - self.physics.A(v) / self.norm
        ascent = self.physics.A_adjoint(residual) / self.norm
        return ascent * slope(self.link, v) / (self.sigma**2 + epsilon)

    def image(self, eta: Tensor) -> Tensor:
        """The estimate in the problem's own range."""
        return self.scale.image(image(self.link, eta))


def squash(gradient: Tensor, sizes: tuple[float, ...]) -> Tensor:
    """asinh(gradient / s) for each s of ``sizes``: (B, C, H, W) -> (B, C * len(sizes), H, W).

    Gradients range over a factor of a thousand, from exact to very noisy measurements.  Elementwise and fixed: linear
    where small, logarithmic where large.
    """
    return torch.cat([torch.asinh(gradient / size) for size in sizes], 1)
