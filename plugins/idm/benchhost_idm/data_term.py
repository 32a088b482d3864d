"""What the network is told of the measurement: the operator with its inverse, in the prior's range of [-1, 1]."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from benchhost.nets.scale import UNIT, Scale
from benchhost.physics import LinearPhysics
from benchhost.physics.solvers import cgls, prox_cg

SIGNAL = 0.5  # standard deviation of images in [-1, 1], against which noise is weighed
STEPS, START = 5, 20  # of conjugate gradients where an inverse has no closed form: each time, and for A+ y
MOST_STARTS = 1000
_STARTS: dict[tuple[str, float, str, torch.dtype], tuple[float, float]] = {}  # of start_of, a pure function
ERRORS = (0.02, 6.0)  # noise levels that the prior was trained for, about


class DataTerm:
    """The measurement of images in [-1, 1]: y' = (y - A(m)) / h with noise sigma / h, for images m + h x'.

    ``inverse`` is A+ for exact data.  With noise it is regularised, argmin |A x - r|^2 / sigma^2 + |x|^2 / SIGNAL^2:
    A+ itself would raise the noise by the smallest singular value that it keeps.  Where A has no pseudo-inverse in
    closed form it is a fixed count of conjugate gradients from zero, which never raises an error, as filtered
    back-projection of few views does.

    y, sigma: as in the problem.  scale: of its images.
    seen: A+ y'.  start, error: A+ y' as an image with noise, and the noise level: see :func:`start_of`.
    """

    def __init__(self, physics: LinearPhysics, y: Tensor, sigma: float, scale: Scale = UNIT) -> None:
        self.physics, self.sigma, self.scale = physics, sigma / scale.half, scale
        self.y = scale.measurement(physics, y)
        self.seen = invert(physics, self.y, self.sigma, steps=START)
        factor, self.error = start_of(physics.sample(0), self.y[:1], self.sigma)
        self.start = factor * self.seen

    def inverse(self, r: Tensor) -> Tensor:
        """(B, *out_shape) -> (B, C, H, W)."""
        return invert(self.physics, r, self.sigma, steps=STEPS)

    def normal(self, f: Tensor) -> Tensor:
        """A+ A f: the part of an image that the measurement sees: (B, C, H, W) -> (B, C, H, W).

        For projections A+ is filtered back-projection here: a feature need not be exact, and the network asks often.
        """
        seen = self.physics.A(f)
        return self.physics.fbp(seen) if hasattr(self.physics, "fbp") else self.inverse(seen)

    def correct(self, x0: Tensor, rho: Tensor) -> Tensor:
        """Bring an estimate into line with the measurement: x0 - A+ (A x0 - y') for exact data, as in DDNM.

        With noise, the proximal step of an estimate whose error has standard deviation ``rho``, shape (1,): it tends to
        the former as rho / sigma grows.  Eq. 19 of DDNM is its scalar form, up to the choice of the weight.
        """
        physics = self.physics
        if physics.pinv_kind == "exact" and self.sigma:
            return physics.prox(x0, self.y, (rho / self.sigma).square().expand(len(x0)))
        # 1 for exact data; written out, so that rho is read either way.
        trust = rho.square() / (rho.square() + self.sigma**2)
        return x0 - trust * self.inverse(physics.A(x0) - self.y)


def invert(physics: LinearPhysics, r: Tensor, sigma: float, *, steps: int) -> Tensor:
    """The inverse of :class:`DataTerm`: (B, *out_shape) -> (B, C, H, W).  steps: where it has no closed form."""
    closed = physics.pinv_kind == "exact"
    if closed and not sigma:
        return physics.A_dagger(r)
    zero = torch.zeros(len(r), *physics.in_shape, dtype=r.dtype, device=r.device)
    if closed:
        return physics.prox(zero, r, (SIGNAL / sigma) ** 2)
    if not sigma:
        return cgls(physics.A, physics.A_adjoint, r, iterations=steps)
    tau = torch.full((1, 1, 1, 1), (SIGNAL / sigma) ** 2, dtype=r.dtype, device=r.device)
    return prox_cg(physics.A, physics.A_adjoint, zero, r, tau, iterations=steps)


def start_of(physics: LinearPhysics, like: Tensor, sigma: float) -> tuple[float, float]:
    """:func:`measured_start`, once for each operator and noise: all images of a CT run share one."""
    key = (physics.spec_id, sigma, like.device.type, like.dtype)
    if key not in _STARTS:
        if len(_STARTS) >= MOST_STARTS:
            _STARTS.clear()
        _STARTS[key] = measured_start(physics, like, sigma)
    return _STARTS[key]


def measured_start(physics: LinearPhysics, like: Tensor, sigma: float) -> tuple[float, float]:
    """The factor that makes A+ y an image with noise, and the level of that noise.

    Of random projections A+ y holds the image at a fraction of its strength, A+ A x = m/n x + noise; m/n undone, it is
    what a denoiser knows.  Where A keeps what it sees at full strength, the factor is about 1.  Both are measured on
    one image with the spectrum of photographs, 1 / f^2 in power, the same for all problems.

    like: a measurement (1, *out_shape), for its shape, type and device.
    """
    image = _probe(physics.in_shape).to(like)
    noise = torch.from_numpy(np.random.RandomState(1).standard_normal(like.shape).astype(np.float32)).to(like)
    kept = invert(physics, physics.A(image), sigma, steps=START)
    factor = float((image.square().sum() / (image * kept).sum().clamp_min(1e-6)).clamp(1.0, 100.0))
    error = factor * (kept + invert(physics, sigma * noise, sigma, steps=START)) - image
    return factor, float(error.square().mean().sqrt().clamp(*ERRORS))


@lru_cache(maxsize=16)
def _probe(shape: tuple[int, ...]) -> Tensor:
    """(1, C, H, W), root mean square SIGNAL: random phases with the amplitudes of photographs."""
    channels, height, width = shape
    f2 = np.fft.fftfreq(height)[:, None] ** 2 + np.fft.fftfreq(width)[None] ** 2
    spectrum = np.fft.fft2(np.random.RandomState(0).standard_normal((channels, height, width)))
    image = np.fft.ifft2(spectrum / np.sqrt(f2 + 1 / max(height, width) ** 2)).real
    return torch.from_numpy((SIGNAL / np.sqrt((image**2).mean()) * image).astype(np.float32))[None]
