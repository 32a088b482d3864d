"""``ddnm`` and ``ddnm_plus``: the prior and the sampler applied to a problem of the benchmark."""

from __future__ import annotations

import time
from collections.abc import Callable

import torch
from torch import Tensor

from benchhost.errors import UsageError
from benchhost.nets import NoiseSchedule, UNet
from benchhost.nets.precision import fast_bfloat16
from benchhost.nets.scale import scale_of
from benchhost.nets.weights import WeightsError, packaged, read_trained, unet
from benchhost.physics import LinearPhysics
from benchhost.types import Problem
from benchhost_ddnm.consistency import Exact, Scalar, Spectral, noise_gain
from benchhost_ddnm.ladder import moves
from benchhost_ddnm.params import DdnmParams, DdnmPlusParams
from benchhost_ddnm.plugin import PRIOR
from benchhost_ddnm.sampler import Consistency, Denoiser, sample

PIXELS = 2**20  # evaluated at once; more would need memory and gain nothing


class Ddnm:
    """DDNM: A x = y holds at the end, whatever noise y has.

    denoise: the denoiser, for tests and scripts; None: the network of ``params.weights``.
    """

    name = "ddnm"

    def __init__(self, params: DdnmParams, denoise: Denoiser | None = None) -> None:
        self.params, self.denoise = params, denoise

    def setup(self, problem: Problem) -> None:
        """Read the weights."""
        if self.denoise is None:
            self.denoise = NetworkDenoiser(load_prior(self.params.weights), self.params.precision, problem.device)

    @torch.no_grad()
    def reconstruct(self, problem: Problem) -> Tensor:
        """Sample an image: (B, C, H, W).  The images of a batch see the same random numbers, each as if it were alone.

        At the deadline the latest rectified x_0|t is returned.
        Raises UsageError where y is not finite, or its noise level unknown to a form that needs it.
        """
        p, physics, y = self.params, problem.physics, problem.y
        if not bool(y.isfinite().all()):
            bad = int((~y.isfinite()).sum())
            raise UsageError(f"{self.name}: problem.y has {bad} values that are not finite")
        self.setup(problem)
        scale = scale_of(problem)
        shape = (len(y), *problem.image_shape)
        consistency = self.consistency(physics, scale.measurement(physics, y), problem.sigma, scale.half)
        clock, steps = _Clock(problem.deadline), 0

        def noise() -> Tensor:
            one = torch.randn((1, *problem.image_shape), generator=problem.rng)
            return one.to(y.device, y.dtype).expand(shape)

        def watch(x0_hat: Tensor) -> bool:
            nonlocal steps
            steps += 1
            problem.trace(steps, scale.image(x0_hat))
            return clock.short()

        path = moves(NoiseSchedule(), p.steps, p.travel_length, p.travel_repeat)
        x0_hat = sample(self.denoise, consistency, path, noise, renoise=p.renoise, stop=watch)
        return scale.image(x0_hat)

    def consistency(self, A: LinearPhysics, y: Tensor, sigma: float | None, half: float) -> Consistency:
        """What keeps A x = y.  y: in the prior's units.  sigma: in the problem's, one of the prior's being ``half``."""
        return Exact(A, y, eta=self.params.eta)


class DdnmPlus(Ddnm):
    """DDNM+: the noise of y is part of the noise of each step.  With sigma = 0 it is DDNM."""

    name = "ddnm_plus"
    params: DdnmPlusParams

    def consistency(self, A: LinearPhysics, y: Tensor, sigma: float | None, half: float) -> Consistency:
        """By singular values where the operator has them, else by one number; ``form`` decides otherwise."""
        p = self.params
        if sigma is None:
            raise UsageError("ddnm_plus: needs the noise level of y, and problem.sigma is None")
        if sigma == 0:
            return Exact(A, y, eta=p.eta)
        spectral = "svd" in A.offers()
        if p.form == "spectral" and not spectral:
            raise UsageError(f"ddnm_plus: form=spectral needs the singular values of A, which {A!r} does not offer")
        if spectral and p.form != "scalar":
            return Spectral(A, y, sigma / half, eta=p.eta)
        return Scalar(A, y, sigma / half * noise_gain(A, y), eta=p.eta)


class NetworkDenoiser:
    """x_0|t by the network; an image with more channels than the network knows is a stack of images to it.

    Colour images and the two parts of complex ones go through a grey prior channel by channel.
    """

    def __init__(self, network: UNet, precision: str, device: str) -> None:
        self.network = network.eval().requires_grad_(False).to(device, memory_format=torch.channels_last)
        self.device = device.partition(":")[0]
        self.low = precision == "bf16" or (precision == "auto" and (self.device != "cpu" or fast_bfloat16()))

    def __call__(self, x_t: Tensor, alpha_bar: float) -> Tensor:
        """(B, C, H, W) -> (B, C, H, W)."""
        own, channels = self.network.shape.channels, x_t.shape[1]
        if channels % own:
            raise WeightsError(f"an image of {channels} channels: expected a grey prior, found one of {own} channels")
        images = x_t.float().reshape(-1, own, *x_t.shape[2:])
        few = max(1, PIXELS // images[0].numel())
        return torch.cat([self._evaluate(part, alpha_bar) for part in images.split(few)]).reshape(x_t.shape).to(x_t)

    def _evaluate(self, images: Tensor, alpha_bar: float) -> Tensor:
        level = torch.full((len(images),), alpha_bar, device=images.device)
        with torch.autocast(self.device, torch.bfloat16, enabled=self.low):
            return self.network.denoise(images, level)


def load_prior(weights: str | None) -> UNet:
    """The network of a user's file, or of the shipped one, whose checksum is verified."""
    if weights is not None:
        return unet(read_trained(weights))
    path = packaged(PRIOR.file, package=__package__, training="prior")
    if not PRIOR.sha256:
        raise WeightsError(f"{path}: no checksum is declared for the shipped prior (benchhost_ddnm.plugin.PRIOR)")
    return unet(read_trained(path, sha256=PRIOR.sha256))


class _Clock:
    """Says when another step would overrun the deadline, judging by the slowest step so far."""

    def __init__(self, deadline: float | None, now: Callable[[], float] = time.monotonic) -> None:
        self.deadline, self.now = deadline, now
        self.last, self.slowest = now(), 0.0

    def short(self) -> bool:
        if self.deadline is None:
            return False
        now = self.now()
        self.slowest, self.last = max(self.slowest, now - self.last), now
        return now + 1.5 * self.slowest > self.deadline
