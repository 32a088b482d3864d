"""The recurrent inference machine: the same cell at each step, fed with the estimate and the likelihood's gradient.

Putzky and Welling, "Recurrent Inference Machines for Solving Inverse Problems", arXiv:1706.04008, and for MRI Lonning
et al., "Recurrent Inference Machines for Reconstructing Heterogeneous MRI Data", Medical Image Analysis 53, 2019.
What differs is listed in the plugin's README.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchhost.nets.scale import UNIT, Scale
from benchhost.physics import LinearPhysics
from benchhost_rim.cells import MriCell, StridedCell
from benchhost_rim.likelihood import Likelihood, squash
from benchhost_rim.link import Link

ARCHITECTURE = "benchhost_rim.network:Rim"


@dataclass(frozen=True, kw_only=True)
class RimShape:
    """All that fixes the tensors and the computation.

    variant: "universal" takes real images, each channel by itself; "mri" complex ones, both parts together.
    width: features of the convolutions.
    steps: T, with which it was trained, and which a method takes.
    hidden: whether the state is carried from step to step; False resets it before each.
    estimate_input: whether the cell sees the estimate beside the gradient; False makes it a learned gradient step.
    """

    variant: Literal["universal", "mri"] = "universal"
    width: int = 64
    steps: int = 8
    hidden: bool = True
    estimate_input: bool = True

    def __post_init__(self) -> None:
        if self.variant not in ("universal", "mri"):
            raise ValueError(f"the variant is universal or mri, not {self.variant!r}")
        if self.width < 4 or self.width % 4:
            raise ValueError(f"the width is a positive multiple of 4, not {self.width}")
        if self.steps < 1:
            raise ValueError(f"needs at least one step, got {self.steps}")

    @property
    def link(self) -> Link:
        """Images in a range of their own have the logistic link, complex ones none."""
        return "logistic" if self.variant == "universal" else "identity"

    @property
    def sizes(self) -> tuple[float, ...]:
        """Sizes that gradients are squashed at."""
        return (1.0, 32.0) if self.variant == "universal" else (1.0,)

    @property
    def epsilon(self) -> float:
        """Where the variance that is added to the noise's begins to learn."""
        return 1e-3 if self.variant == "universal" else 1e-2


class Rim(nn.Module):
    """The unrolled network; ``forward`` reconstructs a batch measured with one operator."""

    def __init__(self, shape: RimShape) -> None:
        super().__init__()
        self.shape = shape
        seen = len(shape.sizes) + shape.estimate_input
        if shape.variant == "universal":
            self.cell: nn.Module = StridedCell(seen, shape.width, 5 * shape.width // 4)
        else:
            self.cell = MriCell(2 * seen, shape.width)
        for parameter in self.cell.out.parameters():
            nn.init.zeros_(parameter)  # eta_1 = eta_0 before training
        self.phi = nn.Parameter(torch.tensor([math.log(math.expm1(shape.epsilon))]))
        self.to(memory_format=torch.channels_last)

    @property
    def epsilon(self) -> Tensor:
        """The learned variance beside the noise's: softplus(phi), (1,)."""
        return F.softplus(self.phi.float())

    def forward(
        self,
        physics: LinearPhysics,
        y: Tensor,
        sigma: float,
        *,
        scale: Scale = UNIT,
        steps: int | None = None,
        skipped: int = 0,
    ) -> Tensor:
        """The estimates after each step: (B, *out_shape) -> (steps, B, C, H, W), float32.

        scale: of the images; in [0, 1] unless told otherwise.  steps: T of the shape unless told otherwise.
        skipped: steps before them that are neither returned nor differentiated.
        """
        total = skipped + (steps or self.shape.steps)
        return torch.stack(list(self.iterates(physics, y, sigma, scale=scale, steps=total, skipped=skipped)))

    def iterates(
        self,
        physics: LinearPhysics,
        y: Tensor,
        sigma: float,
        *,
        scale: Scale = UNIT,
        steps: int,
        skipped: int = 0,
    ) -> Iterator[Tensor]:
        """The estimates after each step but the first ``skipped``, one by one: (B, C, H, W)."""
        with torch.autocast(y.device.type, enabled=False):
            likelihood = Likelihood(physics, y.float(), sigma, self.shape.link, scale)
            eta, state = likelihood.start(), None
        for step in range(steps):
            # No generator may leave gradients off while it is suspended.
            with torch.set_grad_enabled(torch.is_grad_enabled() and step >= skipped):
                eta, state = self.step(likelihood, eta, state)
            if step >= skipped:
                yield likelihood.image(eta)

    def step(
        self, likelihood: Likelihood, eta: Tensor, state: tuple[Tensor, ...] | None
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """s_{t+1}, eta_{t+1} of s_t, eta_t: eta (B, C, H, W) float32; None is the state before the first step."""
        with torch.autocast(eta.device.type, enabled=False):
            gradient = self._images(likelihood.gradient(eta, self.epsilon))
            seen = squash(gradient, self.shape.sizes)
            if self.shape.estimate_input:
                seen = torch.cat([self._images(eta), seen], 1)
            seen = seen.contiguous(memory_format=torch.channels_last)
        if state is None or not self.shape.hidden:
            state = self.cell.begin(seen)
        change, state = self.cell(seen, state)
        return eta + change.float().reshape(eta.shape), state

    def _images(self, x: Tensor) -> Tensor:
        """(B, C, H, W) as the cell takes it: channels as images of their own, or complex images as they are."""
        return x.reshape(-1, 1, *x.shape[2:]) if self.shape.variant == "universal" else x
