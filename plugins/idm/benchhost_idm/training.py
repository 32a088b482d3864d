"""Training of IDM: the image's L1 error through all steps, over a mixture of measurements."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchhost.data.readers import rgb2gray
from benchhost.errors import UsageError
from benchhost.nets import UNetShape
from benchhost.nets.weights import packaged, read_trained, unet
from benchhost.training import mixture
from benchhost.types import Item
from benchhost_idm.network import IdmShape
from benchhost_idm.params import IdmTrainingParams
from benchhost_idm.unrolled import Idm, Kept

CROP = 128
# Sensing at low ratios learns slowest: the start tells the least, and the network has to invent the most.  It is not
# given more than this because it has a specialist.
SHARES = {"cs": 0.34, "denoise": 0.14, "sr": 0.14, "mri": 0.14, "ct": 0.08, "inpaint": 0.08, "deblur": 0.08}
KEPT = {"reversible": Kept(), "steps": Kept(blocks="plain"), "plain": Kept(steps="plain", blocks="plain")}
VALIDATED: Mapping[str, tuple[str, mixture.Maker]] = {
    "cs_scrambled_10": ("cs", lambda size, random: mixture.scrambled(size, 103, random)),
    "cs_scrambled_30": ("cs", lambda size, random: mixture.scrambled(size, 308, random)),
    "cs_scrambled_50": ("cs", lambda size, random: mixture.scrambled(size, 512, random)),
    "cs_block_10": ("cs", lambda size, _: mixture.block_sensing(size, block=33, rows=109, seed=0, scramble=None)),
    "cs_block_25": ("cs", lambda size, _: mixture.block_sensing(size, block=33, rows=272, seed=0, scramble=None)),
    "denoise_25": ("denoise", lambda size, _: mixture.Setup(physics=mixture.Identity((1, *size)), sigma=25 / 255)),
    "sr_4": ("sr", lambda size, _: mixture.bicubic(size, 4)),
    "mri_20": ("mri", lambda size, _: mixture.radial(size, 0.2)),
    "mri_columns_4": ("mri", lambda size, random: mixture.columns(size, 4, random)),
    "ct_60": ("ct", lambda size, _: mixture.views(size, 60)),
    "inpaint_30": (
        "inpaint",
        lambda size, random: mixture.Setup(physics=mixture.Mask((1, *size), random.rand(*size) < 0.3)),
    ),
    "deblur_gaussian": ("deblur", lambda size, _: mixture.blur(size, mixture.gaussian_kernel(1.6), 2.55)),
}


class IdmTraining:
    """Starts from the diffusion prior; learns everything there is to learn, with one loss at the end."""

    def __init__(self, params: IdmTrainingParams) -> None:
        self.params = params
        self.prior = None if params.prior == "none" else read_trained(_prior_file(params.prior))
        self.pretrained = None if self.prior is None else unet(self.prior)
        try:
            self.shape = IdmShape(
                unet=UNetShape() if self.pretrained is None else self.pretrained.shape,
                steps=params.steps,
                injected=params.injected,
                kernel=params.kernel,
                start=params.start,
                wired=params.wired,
                consistent=params.consistent,
            )
        except ValueError as error:
            raise UsageError(f"training 'idm': {error}") from error

    def network(self) -> nn.Module:
        """The network, at the prior's weights where it starts from one."""
        network = Idm(self.shape, KEPT[self.params.keep])
        if self.pretrained is not None:
            network.net.start_from(self.pretrained)
        return network

    def prepare(self, item: Item) -> np.ndarray:
        """Photographs as uint8 (1, H, W), grey by MATLAB's rule; MRI magnitudes, peak 1, as float32 (1, H, W)."""
        if item.kind == "image":
            return (rgb2gray(item.array) if item.array.ndim == 3 else item.array)[None]
        if item.kind == "mri" and not np.iscomplexobj(item.array):
            return item.array[None].astype(np.float32)
        raise UsageError(f"idm cannot learn from '{item.dataset}', of kind '{item.kind}'")

    def loss(self, network: nn.Module, batch: Tensor, rng: torch.Generator) -> Tensor:
        """Mean absolute error of the estimate for a batch (B, 1, P, P) in [0, 1], over what the protocol scores.

        Relative to the images' range, so that complex ones in [-1, 1] weigh as much as the others.
        """
        with torch.autocast(batch.device.type, enabled=False):
            m = mixture.draw(batch, rng, {task: SHARES[task] for task in self.params.tasks}, self.params.blocks)
        height, width = m.size
        estimate = network(m.physics, m.y, m.sigma, scale=m.scale, rng=rng)
        error = (estimate - m.truth)[..., :height, :width].abs().mean()
        return error / (2 * m.scale.half)

    def validate(self, network: nn.Module, images: Sequence[Tensor]) -> Mapping[str, float]:
        """Mean PSNR in dB (clipped, peak 255) of the centres of the first held-out images, a problem of each kind."""
        centres = torch.cat([_centre(image, CROP) for image in images[: self.params.images]])
        figures = {}
        for number, (name, (task, maker)) in enumerate(VALIDATED.items()):
            if task not in self.params.tasks:
                continue
            m = mixture.measure(centres, maker, seed=number)
            height, width = m.size
            # Ten at a time bounds the memory; the measurement is that of the whole, so it does not move a figure.
            parts = [
                network(m.physics, y, m.sigma, scale=m.scale, rng=torch.Generator().manual_seed(number))
                for y in m.y.split(10)
            ]
            estimate = torch.cat(parts)
            if m.truth.shape[1] == 2:  # judged by the modulus
                error = estimate.norm(dim=1, keepdim=True) - m.truth.norm(dim=1, keepdim=True)
            else:
                error = (estimate.clamp(0, 1) - m.truth)[..., :height, :width]
            figures[f"psnr_{name}"] = float(-10 * error.detach().square().mean((1, 2, 3)).log10().mean())
        return figures

    def facts(self) -> Mapping[str, Any]:
        """Shape, tasks and where the weights come from."""
        return {
            "architecture": "benchhost_idm.unrolled:Idm",
            "shape": asdict(self.shape),
            "tasks": list(self.params.tasks),
            "prior": None if self.prior is None else self.prior.sha256,
            "range": [0, 1],
        }


def _prior_file(name: str) -> Path:
    """A shipped prior by its name, or a file."""
    if name == "prior-grey":
        return packaged("benchhost.priors:prior-grey.safetensors", package="benchhost_idm", training="prior")
    return Path(name)


def _centre(image: Tensor, side: int) -> Tensor:
    top, left = ((size - side) // 2 for size in image.shape[-2:])
    return image[..., top : top + side, left : left + side]
