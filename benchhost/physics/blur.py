"""Blur with a known kernel: circular (diagonal in Fourier space) and valid (what a camera sees)."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from benchhost.physics.operator import LinearPhysics, Shape, SpectralPhysics, array_id
from benchhost.physics.solvers import cgls


class CircularBlur(SpectralPhysics):
    """Convolution with periodic borders, per channel; equals ``scipy.ndimage.convolve(x, kernel, mode="wrap")``.

    The centre of a kernel of k taps is tap k // 2.  A kernel larger than the image wraps around.

    The real singular value decomposition: V is the Hartley transform h(x) = Re F x - Im F x (orthogonal, its own
    inverse), s = |H|, and U = F^-1 (H / |H|) F V.

    kernel: float64 (k, l).  rcond: the pseudo-inverse leaves out frequencies with |H| <= rcond * norm; with the
    default no float32 rounding error is raised by more than 1000.
    """

    def __init__(
        self, in_shape: Shape, kernel: np.ndarray, *, rcond: float = 1e-3, dtype: torch.dtype = torch.float32
    ) -> None:
        super().__init__(in_shape, in_shape)
        kernel = _checked(kernel)
        self._id, self._taps = array_id(kernel), kernel.shape
        self.rcond = rcond
        H = np.fft.fft2(_wrapped(kernel, self.in_shape[1:]))
        gain = np.abs(H)
        self.norm = float(gain.max())
        # Below rounding error the phase of H means nothing; such frequencies count as lost.
        lost = gain <= 1e-12 * self.norm
        H[lost], gain[lost] = 0, 0
        phase = np.where(lost, 1, H / np.where(lost, 1, gain))
        kind = torch.complex128 if dtype == torch.float64 else torch.complex64
        half = self.in_shape[2] // 2 + 1
        kept = gain > rcond * self.norm
        inverse = np.where(kept, H.conj() / np.where(kept, gain, 1) ** 2, 0)
        self._H = torch.from_numpy(H[:, :half].copy()).to(kind)
        self._inverse = torch.from_numpy(inverse[:, :half].copy()).to(kind)
        self._power = torch.from_numpy(gain[:, :half] ** 2).to(dtype)
        self._phase = torch.from_numpy(phase).to(kind)
        self._s = torch.from_numpy(gain).to(dtype)

    def _filter(self, x: Tensor, gain: Tensor) -> Tensor:
        return torch.fft.irfft2(gain * torch.fft.rfft2(x), s=self.in_shape[1:])

    def _A(self, x: Tensor) -> Tensor:
        return self._filter(x, self._H)

    def _A_adjoint(self, y: Tensor) -> Tensor:
        return self._filter(y, self._H.conj())

    def _baseline(self, y: Tensor) -> Tensor:
        return y.clone()

    def _A_dagger(self, y: Tensor) -> Tensor:
        return self._filter(y, self._inverse)

    def _prox(self, z: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        top = torch.fft.rfft2(z) + tau * (self._H.conj() * torch.fft.rfft2(y))
        return torch.fft.irfft2(top / (1 + tau * self._power), s=self.in_shape[1:])

    @property
    def singular_values(self) -> Tensor:
        return self._s.expand(self.in_shape).flatten()

    def V(self, c: Tensor) -> Tensor:
        return _hartley(c.reshape(-1, *self.in_shape))

    def V_adjoint(self, x: Tensor) -> Tensor:
        return _hartley(x).flatten(1)

    def U(self, c: Tensor) -> Tensor:
        return torch.fft.ifft2(self._phase * torch.fft.fft2(self.V(c))).real

    def U_adjoint(self, y: Tensor) -> Tensor:
        back = torch.fft.ifft2(self._phase.conj() * torch.fft.fft2(y)).real
        return torch.where(self.singular_values > 0, self.V_adjoint(back), 0)

    def spec(self) -> dict[str, Any]:
        return {"kind": "blur", "boundary": "circular", "shape": list(self.in_shape), "kernel": self._id,
                "taps": list(self._taps), "rcond": self.rcond}  # fmt: skip


class ValidBlur(LinearPhysics):
    """Convolution that keeps only pixels whose whole neighbourhood is in the image: (C, H, W) -> (C, H-k+1, W-l+1).

    The boundary of real cameras: the image is larger than what is measured.  Computed as the part of the circular
    blur that nothing wrapped into, which costs two FFTs whatever the kernel.  Pseudo-inverse and prox are iterative.
    Raises ValueError where the kernel is larger than the image.
    """

    def __init__(
        self,
        in_shape: Shape,
        kernel: np.ndarray,
        *,
        pinv_iterations: int = 20,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        kernel = _checked(kernel)
        channels, height, width = in_shape
        out = (height - kernel.shape[0] + 1, width - kernel.shape[1] + 1)
        if min(out) < 1:
            raise ValueError(f"kernel of {kernel.shape[0]}x{kernel.shape[1]} is larger than {height}x{width} pixels")
        super().__init__(in_shape, (channels, *out))
        self._id, self._taps = array_id(kernel), kernel.shape
        self.pinv_iterations = pinv_iterations
        self.norm = _valid_norm(kernel.tobytes(), kernel.shape, (height, width))
        kind = torch.complex128 if dtype == torch.float64 else torch.complex64
        self._H = torch.from_numpy(np.fft.rfft2(kernel, (height, width))).to(kind)

    def _A(self, x: Tensor) -> Tensor:
        wrapped = torch.fft.irfft2(self._H * torch.fft.rfft2(x), s=self.in_shape[1:])
        return wrapped[..., self._taps[0] - 1 :, self._taps[1] - 1 :]

    def _A_adjoint(self, y: Tensor) -> Tensor:
        padded = F.pad(y, (self._taps[1] - 1, 0, self._taps[0] - 1, 0))
        return torch.fft.irfft2(self._H.conj() * torch.fft.rfft2(padded), s=self.in_shape[1:])

    def _A_dagger(self, y: Tensor) -> Tensor:
        # The mean stands far above every other singular value: without this the batch size shows in the result.
        return cgls(self._A, self._A_adjoint, y, iterations=self.pinv_iterations, reorthogonalise=True)

    def _baseline(self, y: Tensor) -> Tensor:
        """The measurement with its border repeated outwards to the size of the image."""
        down, right = self._taps[0] - 1, self._taps[1] - 1
        up, left = down - self._taps[0] // 2, right - self._taps[1] // 2
        return F.pad(y, (left, right - left, up, down - up), mode="replicate")

    def spec(self) -> dict[str, Any]:
        return {"kind": "blur", "boundary": "valid", "shape": list(self.in_shape), "kernel": self._id,
                "taps": list(self._taps), "pinv_iterations": self.pinv_iterations}  # fmt: skip


def _checked(kernel: np.ndarray) -> np.ndarray:
    kernel = np.ascontiguousarray(kernel, dtype=np.float64)
    if kernel.ndim != 2 or not np.isfinite(kernel).all() or not kernel.any():
        raise ValueError(f"a kernel is a finite, non-zero array of two dimensions, got shape {kernel.shape}")
    return kernel


def _hartley(x: Tensor) -> Tensor:
    """Orthonormal two-dimensional Hartley transform of real images: its own inverse and transpose."""
    spectrum = torch.fft.fft2(x, norm="ortho")
    return spectrum.real - spectrum.imag


def _wrapped(kernel: np.ndarray, shape: tuple[int, int]) -> np.ndarray:
    """The kernel as a periodic image with its centre, tap k // 2, at [0, 0]."""
    image = np.zeros(shape)
    i = np.arange(kernel.shape[0]) - kernel.shape[0] // 2
    j = np.arange(kernel.shape[1]) - kernel.shape[1] // 2
    np.add.at(image, (i[:, None] % shape[0], j[None, :] % shape[1]), kernel)
    return image


@lru_cache(maxsize=64)
def _valid_norm(data: bytes, taps: tuple[int, int], shape: tuple[int, int]) -> float:
    """Spectral norm of the valid convolution, rounded up by what Lanczos leaves open, at most the bound max |H|.

    Lanczos on A^T A from the constant image, which for a kernel without negative taps is not orthogonal to the
    leading singular vector.
    """
    from scipy.sparse.linalg import ArpackNoConvergence, LinearOperator, eigsh

    H = np.fft.rfft2(np.frombuffer(data, np.float64).reshape(taps), shape)
    wrapped = np.zeros(shape, dtype=bool)
    wrapped[: taps[0] - 1], wrapped[:, : taps[1] - 1] = True, True

    def normal(v: np.ndarray) -> np.ndarray:
        y = np.where(wrapped, 0, np.fft.irfft2(H * np.fft.rfft2(v.reshape(shape)), shape))
        return np.fft.irfft2(H.conj() * np.fft.rfft2(y), shape).ravel()

    bound = float(np.abs(H).max())  # the norm of the circular blur, of which this is a part
    n = shape[0] * shape[1]
    if n < 3:
        return bound
    map = LinearOperator((n, n), matvec=normal, dtype=np.float64)
    start = 1 + 1e-3 * np.random.RandomState(0).standard_normal(n)
    try:
        (value,) = eigsh(map, k=1, v0=start, tol=1e-4, return_eigenvectors=False)
    except ArpackNoConvergence:
        return bound
    return min(bound, float(np.sqrt(value)) * (1 + 1e-4))
