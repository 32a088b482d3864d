"""What NSR learns: each lesson turns patches into an input and a truth, and judges a network on held-out images."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Protocol

import torch
from torch import Generator, Tensor, nn

from benchhost.physics.jpeg import Jpeg
from benchhost.physics.noise import round_uint8
from benchhost.physics.separable import BicubicDownsampling
from benchhost.training import mixture
from benchhost.training.jpeg import compress
from benchhost_nsr.params import LEVELS, NsrTrainingParams

ROUNDED = 0.3  # share of low-resolution patches in 8 bits, as files are
BORDER = 2  # low-resolution pixels at a patch's border that are not scored: they lack neighbours
CENTRE, CENTRE_SR = 128, 192
# Sensing at low ratios learns slowest: the start tells the least, and the network has to invent the most.
SHARES = {"cs": 0.5, "mri": 0.2, "ct": 0.1, "inpaint": 0.1, "deblur": 0.1}
VALIDATED: Mapping[str, tuple[str, mixture.Maker]] = {
    "cs_block_10": ("cs", lambda size, _: mixture.block_sensing(size, block=33, rows=109, seed=0, scramble=None)),
    "cs_block_25": ("cs", lambda size, _: mixture.block_sensing(size, block=33, rows=272, seed=0, scramble=None)),
    "cs_scrambled_30": ("cs", lambda size, random: mixture.scrambled(size, 308, random)),
    "mri_20": ("mri", lambda size, _: mixture.radial(size, 0.2)),
    "mri_columns_4": ("mri", lambda size, random: mixture.columns(size, 4, random)),
    "ct_60": ("ct", lambda size, _: mixture.views(size, 60)),
    "inpaint_30": (
        "inpaint",
        lambda size, random: mixture.Setup(physics=mixture.Mask((1, *size), random.rand(*size) < 0.3)),
    ),
    "deblur_gaussian": ("deblur", lambda size, _: mixture.blur(size, mixture.gaussian_kernel(1.6), 2.55)),
}


class Lesson(Protocol):
    """Both take (B, 1, H, W) in [0, 1] with all randomness from a CPU generator."""

    def loss(self, network: nn.Module, batch: Tensor, rng: Generator) -> Tensor:
        """Mean absolute error, as in the paper."""

    def figures(self, network: nn.Module, images: Sequence[Tensor]) -> Iterator[tuple[str, float]]:
        """Mean PSNR in dB, by the name of the problem."""


class Denoising:
    """White noise of a level that the network is not told, from none to the highest; not clipped."""

    def loss(self, network: nn.Module, batch: Tensor, rng: Generator) -> Tensor:
        """See :class:`Lesson`.  On a GPU the noise is drawn there, by a generator seeded from ``rng``."""
        sigma = LEVELS["denoise"][1] / 255 * torch.rand(len(batch), 1, 1, 1, generator=rng).to(batch.device)
        local = Generator(batch.device).manual_seed(int(torch.randint(2**62, (), generator=rng)))
        noise = torch.randn(batch.shape, generator=local, device=batch.device)
        return (network(batch + sigma * noise) - batch).abs().mean()

    def figures(self, network: nn.Module, images: Sequence[Tensor]) -> Iterator[tuple[str, float]]:
        """See :class:`Lesson`."""
        truth = centres(images, CENTRE)
        noise = torch.randn(truth.shape, generator=Generator().manual_seed(0)).to(truth.device)
        for sigma in (15, 25, 50):
            yield f"denoise_{sigma}", psnr(_apply(network, truth + sigma / 255 * noise), truth)


class Deblocking:
    """JPEG of a quality that the network is not told."""

    def loss(self, network: nn.Module, batch: Tensor, rng: Generator) -> Tensor:
        """See :class:`Lesson`."""
        low, high = LEVELS["jpeg"]
        quality = torch.randint(low, high + 1, (len(batch),), generator=rng)
        return (network(compress(batch, quality)) - batch).abs().mean()

    def figures(self, network: nn.Module, images: Sequence[Tensor]) -> Iterator[tuple[str, float]]:
        """See :class:`Lesson`; the measurement is the codec's."""
        truth = centres(images, CENTRE)
        for quality in (10, 20, 30, 40):
            y = Jpeg(tuple(truth.shape[1:]), quality).A(truth)
            yield f"jpeg_{quality}", psnr(_apply(network, y), truth)


class SuperResolution:
    """MATLAB's bicubic downsampling; some of the small patches in 8 bits."""

    def __init__(self, scale: int) -> None:
        self.scale = scale

    def loss(self, network: nn.Module, batch: Tensor, rng: Generator) -> Tensor:
        """See :class:`Lesson`.  Patches are cut at right and bottom to what divides by the scale."""
        side = batch.shape[-1] - batch.shape[-1] % self.scale
        truth = batch[..., :side, :side]
        small = _bicubic(side, self.scale, batch.device).A(truth)
        rounded = torch.rand(len(batch), 1, 1, 1, generator=rng).to(batch.device) < ROUNDED
        estimate = network(torch.where(rounded, round_uint8(small), small))
        inner = slice(BORDER * self.scale, -BORDER * self.scale)
        return (estimate - truth)[..., inner, inner].abs().mean()

    def figures(self, network: nn.Module, images: Sequence[Tensor]) -> Iterator[tuple[str, float]]:
        """See :class:`Lesson`; ``scale`` pixels are shaved."""
        truth = centres(images, CENTRE_SR)
        small = _bicubic(CENTRE_SR, self.scale, truth.device).A(truth)
        inner = slice(self.scale, -self.scale)
        estimate = _apply(network, small)
        yield f"sr_{self.scale}", psnr(estimate[..., inner, inner], truth[..., inner, inner])


class Restoration:
    """Linear measurements of several tasks, one of them a step."""

    def __init__(self, tasks: Sequence[str]) -> None:
        self.tasks = tuple(tasks)

    def loss(self, network: nn.Module, batch: Tensor, rng: Generator) -> Tensor:
        """See :class:`Lesson`; relative to the images' range, so that complex ones weigh as much as the others."""
        with torch.autocast(batch.device.type, enabled=False):
            m = mixture.draw(batch, rng, {task: SHARES[task] for task in self.tasks})
        height, width = m.size
        estimate = network(m.physics, m.y, m.sigma, scale=m.scale)
        return (estimate - m.truth)[..., :height, :width].abs().mean() / (2 * m.scale.half)

    def figures(self, network: nn.Module, images: Sequence[Tensor]) -> Iterator[tuple[str, float]]:
        """See :class:`Lesson`; complex images are judged by the modulus."""
        batch = centres(images, CENTRE)
        for number, (name, (task, maker)) in enumerate(VALIDATED.items()):
            if task not in self.tasks:
                continue
            m = mixture.measure(batch, maker, seed=number)
            height, width = m.size
            estimate, truth = network(m.physics, m.y, m.sigma, scale=m.scale), m.truth
            if truth.shape[1] == 2:
                estimate, truth = (x.norm(dim=1, keepdim=True) for x in (estimate, truth))
            yield name, psnr(estimate[..., :height, :width], truth[..., :height, :width])


def lesson_of(params: NsrTrainingParams) -> Lesson:
    """The lesson of the tasks that are learned."""
    match params.learned:
        case ("denoise",):
            return Denoising()
        case ("jpeg",):
            return Deblocking()
        case ("sr",):
            return SuperResolution(params.scale)
    return Restoration(params.learned)


def centres(images: Sequence[Tensor], side: int) -> Tensor:
    """The middles of images (1, 1, H, W), in one batch."""
    parts = []
    for image in images:
        top, left = ((size - side) // 2 for size in image.shape[-2:])
        parts.append(image[..., top : top + side, left : left + side])
    return torch.cat(parts)


def psnr(estimate: Tensor, truth: Tensor) -> float:
    """Mean over images, clipped, peak 1, in dB."""
    error = estimate.detach().clamp(0, 1) - truth
    return float(-10 * error.square().mean((1, 2, 3)).log10().mean())


def _apply(network: nn.Module, y: Tensor) -> Tensor:
    # A few at a time bounds the memory.
    return torch.cat([network(part) for part in y.split(8)])


@lru_cache(maxsize=16)
def _bicubic(side: int, scale: int, device: torch.device) -> BicubicDownsampling:
    return BicubicDownsampling((1, side, side), scale).to(device)
