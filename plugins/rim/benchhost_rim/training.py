"""Training of RIM: the error of every step's estimate, over a mixture of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchhost.data.readers import rgb2gray
from benchhost.errors import UsageError
from benchhost.training import mixture
from benchhost.types import Item
from benchhost_rim.network import ARCHITECTURE, Rim, RimShape
from benchhost_rim.params import RimMriTrainingParams, RimTrainingParams

CROP = 96
# Denoising is what the paper tabulates; the others share the rest by how much there is to learn.
SHARES = {"denoise": 0.3, "cs": 0.25, "sr": 0.12, "mri": 0.11, "ct": 0.07, "inpaint": 0.07, "deblur": 0.08}
FLOOR = 1e-6  # mean squared error, 60 dB, below which little is gained
VALIDATED: Mapping[str, tuple[str, mixture.Maker]] = {
    "denoise_15": ("denoise", lambda size, _: mixture.Setup(physics=mixture.Identity((1, *size)), sigma=15 / 255)),
    "denoise_25": ("denoise", lambda size, _: mixture.Setup(physics=mixture.Identity((1, *size)), sigma=25 / 255)),
    "denoise_50": ("denoise", lambda size, _: mixture.Setup(physics=mixture.Identity((1, *size)), sigma=50 / 255)),
    "cs_block_10": ("cs", lambda size, _: mixture.block_sensing(size, block=33, rows=109, seed=0, scramble=None)),
    "cs_block_25": ("cs", lambda size, _: mixture.block_sensing(size, block=33, rows=272, seed=0, scramble=None)),
    "cs_scrambled_10": ("cs", lambda size, random: mixture.scrambled(size, 103, random)),
    "sr_2": ("sr", lambda size, _: mixture.bicubic(size, 2)),
    "sr_4": ("sr", lambda size, _: mixture.bicubic(size, 4)),
    "mri_20": ("mri", lambda size, _: mixture.radial(size, 0.2)),
    "mri_columns_4": ("mri", lambda size, random: mixture.columns(size, 4, random)),
    "ct_60": ("ct", lambda size, _: mixture.views(size, 60)),
    "ct_60_noisy": ("ct", lambda size, _: mixture.views(size, 60, 0.01)),
    "inpaint_30": (
        "inpaint",
        lambda size, random: mixture.Setup(physics=mixture.Mask((1, *size), random.rand(*size) < 0.3)),
    ),
    "deblur_gaussian": ("deblur", lambda size, _: mixture.blur(size, mixture.gaussian_kernel(1.6), 2.55)),
    "gaussian_30": ("projections", lambda size, random: mixture.projected(size, "gaussian", 0.3, random, 10 / 255)),
    "binary_30": ("projections", lambda size, random: mixture.projected(size, "binary", 0.3, random, 10 / 255)),
    "fourier_30": ("projections", lambda size, random: mixture.projected(size, "fourier", 0.3, random, 10 / 255)),
}
VALIDATED_MRI: Mapping[str, tuple[str, mixture.Maker]] = {
    "columns_4": ("sense", lambda size, random: mixture.columns(size, 4, random)),
    "columns_8": ("sense", lambda size, random: mixture.columns(size, 8, random)),
    "coils_4": ("sense", lambda size, random: mixture.columns(size, 4, random, coils=4)),
    "coils_8": ("sense", lambda size, random: mixture.columns(size, 8, random, coils=8)),
}


class Unrolled:
    """What the trainings share.  tasks: of the mixture.  validated: problems, by the name of their figure."""

    def __init__(
        self,
        params: RimTrainingParams | RimMriTrainingParams,
        variant: str,
        tasks: Sequence[str],
        validated: Mapping[str, tuple[str, mixture.Maker]],
    ) -> None:
        if params.spread >= params.steps:
            raise UsageError(f"training 'rim': a spread of {params.spread} leaves no step of {params.steps}")
        self.params, self.tasks = params, tuple(tasks)
        self.validated = {name: maker for name, (task, maker) in validated.items() if task in self.tasks}
        try:
            self.shape = RimShape(
                variant=variant,
                width=params.width,
                steps=params.steps,
                hidden=params.hidden,
                estimate_input=params.estimate_input,
            )
        except ValueError as error:
            raise UsageError(f"training 'rim': {error}") from error

    def network(self) -> nn.Module:
        """The network; its first estimate is the start."""
        return Rim(self.shape)

    def loss(self, network: nn.Module, batch: Tensor, rng: torch.Generator) -> Tensor:
        """Mean over all steps of ln (1 + MSE / FLOOR), for a batch (B, 1, P, P) in [0, 1]; the paper has the MSE.

        A batch is one problem, and problems' errors differ by a factor of a thousand: on the logarithm, which is the
        PSNR that they are judged by, they weigh alike.  Over what the protocol scores, relative to the image's range.
        """
        p = self.params
        steps = p.steps + int(torch.randint(-p.spread, p.spread + 1, (1,), generator=rng))
        skipped = p.steps if float(torch.rand(1, generator=rng)) < p.beyond else 0
        with torch.autocast(batch.device.type, enabled=False):
            m = self._measure(batch, rng)
        height, width = m.size
        estimates = network(m.physics, m.y, m.sigma, scale=m.scale, steps=steps, skipped=skipped)
        with torch.autocast(batch.device.type, enabled=False):
            error = (estimates - m.truth)[..., :height, :width] / (2 * m.scale.half)
            return (error.square().mean((1, 2, 3, 4)) / FLOOR + 1).log().mean()

    def _measure(self, batch: Tensor, rng: torch.Generator) -> mixture.Measured:
        shares = {task: SHARES.get(task, 1.0) for task in self.tasks}
        return mixture.draw(batch, rng, shares)

    def validate(self, network: nn.Module, images: Sequence[Tensor]) -> Mapping[str, float]:
        """Mean PSNR in dB (clipped, peak 1) of the centres of the first held-out images, a problem of each kind."""
        centres = torch.cat([_centre(image, CROP) for image in images[: self.params.images]])
        figures = {}
        for number, (name, maker) in enumerate(self.validated.items()):
            m = mixture.measure(centres, maker, seed=number)
            height, width = m.size
            estimate = network(m.physics, m.y, m.sigma, scale=m.scale)[-1]
            if m.truth.shape[1] == 2:  # judged by the modulus
                error = estimate.norm(dim=1, keepdim=True) - m.truth.norm(dim=1, keepdim=True)
            else:
                error = (estimate.clamp(0, 1) - m.truth)[..., :height, :width]
            figures[f"psnr_{name}"] = float(-10 * error.detach().square().mean((1, 2, 3)).log10().mean())
        return figures

    def facts(self) -> Mapping[str, Any]:
        """Shape and tasks."""
        return {"architecture": ARCHITECTURE, "shape": asdict(self.shape), "tasks": list(self.tasks), "range": [0, 1]}


class RimTraining(Unrolled):
    """One network for all linear tasks and noise levels, or for those given."""

    def __init__(self, params: RimTrainingParams) -> None:
        super().__init__(params, "universal", params.tasks, VALIDATED)

    def prepare(self, item: Item) -> np.ndarray:
        """Photographs as uint8 (1, H, W), grey by MATLAB's rule; MRI magnitudes, peak 1, as float32 (1, H, W)."""
        if item.kind == "image":
            return (rgb2gray(item.array) if item.array.ndim == 3 else item.array)[None]
        return _magnitude(item)


class RimMriTraining(Unrolled):
    """A network for complex MRI images: magnitudes with a simulated smooth phase, one coil or simulated ones."""

    def __init__(self, params: RimMriTrainingParams) -> None:
        super().__init__(params, "mri", ("sense",), VALIDATED_MRI)

    def prepare(self, item: Item) -> np.ndarray:
        """MRI magnitudes, peak 1, as float32 (1, H, W)."""
        return _magnitude(item)


def _magnitude(item: Item) -> np.ndarray:
    if item.kind != "mri" or np.iscomplexobj(item.array):
        raise UsageError(f"this RIM cannot learn from '{item.dataset}', of kind '{item.kind}'")
    return item.array[None].astype(np.float32)


def _centre(image: Tensor, side: int) -> Tensor:
    top, left = ((size - side) // 2 for size in image.shape[-2:])
    return image[..., top : top + side, left : left + side]
