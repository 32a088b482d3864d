"""Cartesian MRI with one coil: the masked Fourier transform of complex or real images.

k-space and complex images are real tensors with two channels (real and imaginary part).  The transform is orthonormal
and centred, ``fftshift(fft2(ifftshift(x), norm="ortho"))`` as in fastMRI; entries that are not sampled are zero.
The shifts are not carried out: a centred transform is the plain one between two phase ramps (signs for even sizes),
and the ramps are folded into the mask and the coil maps.
"""

from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchhost.physics.masks import mirror
from benchhost.physics.operator import LinearPhysics, Physics, SpectralPhysics, array_id


class MaskedFourier(LinearPhysics):
    """What the transforms share: a mask, and tensors that are made from double precision for any dtype asked for."""

    def __init__(self, mask: Any, in_shape: tuple, out_shape: tuple, dtype: torch.dtype) -> None:
        super().__init__(in_shape, out_shape)
        grid = self.in_shape[-2:]
        mask = np.asarray(mask, dtype=bool)
        if mask.shape not in (grid, grid[-1:]):
            raise ValueError(f"mask of shape {mask.shape} does not fit an image of {grid[0]}x{grid[1]} pixels")
        if not mask.any():
            raise ValueError("the mask samples nothing")
        self.mask = np.array(np.broadcast_to(mask, grid))
        self.mask.flags.writeable = False
        self._prepare(torch.device("cpu"), dtype)

    def _prepare(self, device: torch.device, dtype: torch.dtype) -> None:
        """Make the tensors; called by ``__init__`` and on the copy that ``to`` returns."""
        raise NotImplementedError

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Physics:
        """A copy on another device or in another precision, made anew from double precision."""
        new = copy.copy(self)
        new._prepare(torch.device(device or self._sampling.device), dtype or real_dtype(self._sampling.dtype))
        return new

    def _baseline(self, y: Tensor) -> Tensor:
        """The zero-filled image."""
        return self._A_adjoint(y)


class SingleCoilFourier(MaskedFourier, SpectralPhysics):
    """A = M F for complex images: (2, H, W) -> (2, H, W).  A+ = A*, norm 1, exact prox.

    mask: bool, (W,) for sampled columns or (H, W), DC in the centre.
    """

    def __init__(self, mask: Any, shape: tuple[int, int], dtype: torch.dtype = torch.float32) -> None:
        super().__init__(mask, (2, *shape), (2, *shape), dtype)

    def _prepare(self, device: torch.device, dtype: torch.dtype) -> None:
        image_ramp, k_ramp = ramps(*self.mask.shape)
        self._image_ramp = as_tensor(image_ramp, device, dtype)
        self._k_ramp = as_tensor(k_ramp, device, dtype)
        self._sampling = as_tensor(k_ramp * self.mask, device, dtype)
        self._sampled = as_tensor(self.mask.astype(float), device, dtype)

    def _A(self, x: Tensor) -> Tensor:
        return to_real(fft2(to_complex(x).mul_(self._image_ramp)).mul_(self._sampling))

    def _A_adjoint(self, y: Tensor) -> Tensor:
        return to_real(ifft2(to_complex(y).mul_(self._sampling.conj())).mul_(self._image_ramp.conj()))

    def _A_dagger(self, y: Tensor) -> Tensor:
        return self._A_adjoint(y)

    @property
    def singular_values(self) -> Tensor:
        """1 where sampled, else 0, for the real parts and then the imaginary parts: (2 H W,)."""
        return self._sampled.flatten().repeat(2)

    def V(self, c: Tensor) -> Tensor:
        """k-space (all of it) to image: (B, 2 H W) -> (B, 2, H, W)."""
        k = to_complex(c.reshape(-1, *self.out_shape))
        return to_real(ifft2(k * self._k_ramp.conj()) * self._image_ramp.conj())

    def V_adjoint(self, x: Tensor) -> Tensor:
        """Image to k-space (all of it): (B, 2, H, W) -> (B, 2 H W)."""
        return to_real(fft2(to_complex(x) * self._image_ramp) * self._k_ramp).flatten(1)

    def U(self, c: Tensor) -> Tensor:
        """Coefficients to measurement: k-space itself, where it was sampled."""
        return c.reshape(-1, *self.out_shape) * self._sampled

    def U_adjoint(self, y: Tensor) -> Tensor:
        """Measurement to coefficients."""
        return (y * self._sampled).flatten(1)

    def spec(self) -> dict[str, Any]:
        """Grid and mask."""
        return {"kind": "fourier", "coils": 1, "shape": list(self.mask.shape), "mask": array_id(self.mask)}


class RealFourier(MaskedFourier, SpectralPhysics):
    """A = M F for real images, DC at [0, 0] and no shifts: (1, H, W) -> (2, H, W).  ISTA-Net's CS-MRI.

    Both k and -k tell of the same real image: A* A = F* D F with D = (M(k) + M(-k)) / 2, so the singular values are
    1, sqrt(1/2) and 0, the singular vectors the Hartley basis, and A+ = Re F* D+ M exactly, for every mask.
    A+ = A* = Re F* M only where the mask is point symmetric.

    mask: bool (H, W), DC at [0, 0].
    """

    def __init__(self, mask: Any, shape: tuple[int, int], dtype: torch.dtype = torch.float32) -> None:
        super().__init__(mask, (1, *shape), (2, *shape), dtype)
        self.norm = float(np.sqrt(self._density().max()))

    def _density(self) -> np.ndarray:
        return (self.mask.astype(float) + mirror(self.mask)) / 2

    def _prepare(self, device: torch.device, dtype: torch.dtype) -> None:
        density = self._density()
        inverse = np.divide(1.0, density, out=np.zeros_like(density), where=density > 0)
        self._sampling = as_tensor(self.mask.astype(float), device, dtype)
        self._singular = as_tensor(np.sqrt(density), device, dtype)
        self._pinv_weight = as_tensor(inverse * self.mask, device, dtype)

    def _A(self, x: Tensor) -> Tensor:
        return to_real(torch.fft.fft2(x[:, 0], norm="ortho") * self._sampling)

    def _A_adjoint(self, y: Tensor) -> Tensor:
        return ifft2(to_complex(y) * self._sampling).real[:, None].contiguous()

    def _A_dagger(self, y: Tensor) -> Tensor:
        return ifft2(to_complex(y) * self._pinv_weight).real[:, None].contiguous()

    @property
    def singular_values(self) -> Tensor:
        """1, sqrt(1/2) or 0: (H W,)."""
        return self._singular.flatten()

    def V(self, c: Tensor) -> Tensor:
        """The Hartley transform, its own inverse: (B, H W) -> (B, 1, H, W)."""
        return _hartley(c.reshape(-1, *self.in_shape))

    def V_adjoint(self, x: Tensor) -> Tensor:
        """The Hartley transform: (B, 1, H, W) -> (B, H W)."""
        return _hartley(x).flatten(1)

    def U(self, c: Tensor) -> Tensor:
        """A V S+: (B, H W) -> (B, 2, H, W)."""
        return self._A(self.V(c * _pinv(self.singular_values)))

    def U_adjoint(self, y: Tensor) -> Tensor:
        """S+ V^T A^T: (B, 2, H, W) -> (B, H W)."""
        return self.V_adjoint(self._A_adjoint(y)) * _pinv(self.singular_values)

    def spec(self) -> dict[str, Any]:
        """Grid and mask."""
        return {"kind": "fourier/real", "shape": list(self.mask.shape), "mask": array_id(self.mask)}


def ramps(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Phase ramps (H, W) before and after a plain FFT that make it centred; +-1 and real for even sizes.

    With c = N // 2 the centred transform has the kernel exp(-2 pi i (k - c)(n - c) / N)
    = exp(-2 pi i k n / N) exp(2 pi i c n / N) exp(2 pi i c (k - c) / N).
    """
    before, after = [], []
    for size in (height, width):
        c, n = size // 2, np.arange(size)
        for ramps, turns in ((before, (c * n) % size), (after, (c * (n - c)) % size)):
            ramps.append(1.0 - 4.0 * turns / size if size % 2 == 0 else np.exp(2j * np.pi * turns / size))
    return np.multiply.outer(*before), np.multiply.outer(*after)


def as_tensor(array: np.ndarray, device: torch.device, dtype: torch.dtype) -> Tensor:
    """The array in the precision of the real ``dtype``; complex arrays stay complex."""
    kind = dtype if not np.iscomplexobj(array) else {torch.float64: torch.complex128}.get(dtype, torch.complex64)
    return torch.from_numpy(np.ascontiguousarray(array)).to(device, kind)


def real_dtype(dtype: torch.dtype) -> torch.dtype:
    """float32 or float64, the precision of a real or complex dtype."""
    return torch.float64 if dtype in (torch.float64, torch.complex128) else torch.float32


def to_complex(x: Tensor) -> Tensor:
    """(B, 2, ...) -> complex (B, ...)."""
    return torch.complex(x[:, 0], x[:, 1])


def to_real(z: Tensor, axis: int = 1) -> Tensor:
    """Complex -> two channels at ``axis``."""
    return torch.stack((z.real, z.imag), axis)


def fft2(z: Tensor) -> Tensor:
    """Orthonormal, not shifted, over the last two axes."""
    return torch.fft.fft2(z, norm="ortho")


def ifft2(z: Tensor) -> Tensor:
    """Inverse and adjoint of :func:`fft2`."""
    return torch.fft.ifft2(z, norm="ortho")


def _hartley(x: Tensor) -> Tensor:
    """Orthonormal two-dimensional Hartley transform Re F x - Im F x, an orthogonal involution: any (..., H, W)."""
    z = fft2(x)
    return z.real - z.imag


def _pinv(s: Tensor) -> Tensor:
    return torch.where(s > 0, 1 / torch.where(s > 0, s, 1), 0)
