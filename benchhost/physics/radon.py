"""Computed tomography with parallel beams: the exact strip-area matrix, its adjoint, CGLS and filtered back-projection.

The operator is scaled to norm 1, A = scale * (strip areas); the scale is part of the spec.
"""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchhost.physics.operator import LinearPhysics
from benchhost.physics.strips import ParallelBeam, norm_bounds, transposed_matrix


class Radon(LinearPhysics):
    """Parallel-beam projection: (1, H, W) -> (1, views, bins).

    ``scale`` is 1 / the upper bound of the matrix's norm, rounded up to five digits, so that it is the same number on
    every machine.  The pseudo-inverse is CGLS with ``pinv_iterations`` steps, the baseline filtered back-projection.

    Runs on the CPU through scipy, on other devices through torch's CSR; derivatives use the exact adjoint either way.
    """

    def __init__(
        self, geometry: ParallelBeam, *, pinv_iterations: int = 20, dtype: torch.dtype = torch.float32
    ) -> None:
        if geometry.pixel != 1:
            raise ValueError(f"the reconstruction grid has pixels of side 1, not {geometry.pixel}")
        super().__init__((1, geometry.height, geometry.width), (1, len(geometry.angles), geometry.bins))
        self.geometry = geometry
        self.pinv_iterations = pinv_iterations
        lower, upper = norm_bounds(geometry)
        if not lower > 0:
            raise ValueError(f"no ray of {geometry.bins} bins of {geometry.det_pitch} pixels meets the image")
        digits = 4 - math.floor(math.log10(upper))
        self.scale = 1 / (math.ceil(upper * 10**digits) / 10**digits)
        self.norm = 1.0
        self._prepare(torch.device("cpu"), dtype)

    def _prepare(self, device: torch.device, dtype: torch.dtype) -> None:
        name = "float64" if dtype == torch.float64 else "float32"
        self._ramp = torch.from_numpy(ramp_filter(self.geometry.bins, self.geometry.det_pitch)).to(device, dtype)
        transposed = transposed_matrix(self.geometry, name)
        if device.type == "cpu":
            self._forward, self._backward = _scipy_map(transposed.T), _scipy_map(transposed)
        else:
            self._forward = _torch_map(transposed.T.tocsr(), device)
            self._backward = _torch_map(transposed, device)

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Radon:
        """A copy on another device or in another precision, with the matrix of that precision."""
        new = copy.copy(self)
        new._prepare(torch.device(device or self._ramp.device), dtype or self._ramp.dtype)
        return new

    def _A(self, x: Tensor) -> Tensor:
        return _Linear.apply(x, self._forward, self._backward).reshape(-1, *self.out_shape) * self.scale

    def _A_adjoint(self, y: Tensor) -> Tensor:
        return _Linear.apply(y, self._backward, self._forward).reshape(-1, *self.in_shape) * self.scale

    def _baseline(self, y: Tensor) -> Tensor:
        return self.fbp(y)

    def fbp(self, y: Tensor) -> Tensor:
        """Filtered back-projection, ramp filter and exact adjoint: (B, 1, views, bins) -> (B, 1, H, W).

        Kak and Slaney, Principles of Computerized Tomographic Imaging, ch. 3.3: f = integral over pi of the filtered
        projections, each view standing for its share of the arc; views past 180 degrees share what they repeat.
        """
        angles, bins = self.geometry.angles, self.geometry.bins
        step = abs(angles[-1] - angles[0]) / (len(angles) - 1) if len(angles) > 1 else math.pi
        weight = min(step, math.pi / len(angles)) * self.geometry.det_pitch / self.scale**2
        length = 2 * (len(self._ramp) - 1)
        filtered = torch.fft.irfft(torch.fft.rfft(y, n=length) * self._ramp, n=length)[..., :bins]
        return weight * self._A_adjoint(filtered)

    def spec(self) -> dict[str, Any]:
        """Geometry, scale and the count of CGLS."""
        g = self.geometry
        return {
            "kind": "radon/strip",
            "shape": [g.height, g.width],
            "angles": list(g.angles),
            "bins": g.bins,
            "det_pitch": g.det_pitch,
            "scale": self.scale,
            "pinv": {"cgls": self.pinv_iterations},
        }


def ramp_filter(bins: int, pitch: float) -> np.ndarray:
    """The band-limited ramp for an rfft of the zero-padded projection: float64 (n / 2 + 1,), n a power of 2.

    Transform of h[0] = 1 / 4 pitch^2, h[odd k] = -1 / (pi k pitch)^2 (Kak and Slaney, eq. 61), times pitch: sampling
    |f| itself would lose the mean.
    """
    n = 1 << (2 * bins - 1).bit_length()
    k = np.minimum(np.arange(n), n - np.arange(n))
    h = np.where(k % 2 == 1, -1 / (math.pi * np.maximum(k, 1)) ** 2, 0.0)
    h[0] = 0.25
    return np.fft.rfft(h).real / pitch


class _Linear(torch.autograd.Function):
    """A matrix product whose derivative is the product with the transpose."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, forward: Callable, backward: Callable) -> Tensor:
        ctx.maps = (backward, forward)
        ctx.shape = x.shape
        return forward(x.detach().flatten(1))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        return _Linear.apply(gradient, *ctx.maps).reshape(ctx.shape), None, None


def _scipy_map(matrix: Any) -> Callable[[Tensor], Tensor]:
    """(B, n) -> (B, m) by scipy, one thread."""

    def apply(x: Tensor) -> Tensor:
        if len(x) == 1:
            return torch.from_numpy(matrix @ x[0].numpy())[None]
        return torch.from_numpy(np.ascontiguousarray((matrix @ np.ascontiguousarray(x.numpy().T)).T))

    return apply


def _torch_map(matrix: Any, device: torch.device) -> Callable[[Tensor], Tensor]:
    """(B, n) -> (B, m) by torch's CSR on ``device``."""
    parts = (torch.from_numpy(part) for part in (matrix.indptr, matrix.indices, matrix.data))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sparse", category=UserWarning)  # "in beta state"
        stored = torch.sparse_csr_tensor(*parts, matrix.shape, check_invariants=True).to(device)
    return lambda x: (stored @ x.T).T.contiguous()
