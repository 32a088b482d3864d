"""Operators that act on rows and columns separately, y = R x C^T: bicubic downsampling, separable blur."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchhost.physics.bicubic import Boundary, bicubic_matrix
from benchhost.physics.operator import Shape, SpectralPhysics, array_id


class Separable(SpectralPhysics):
    """y = R x C^T per channel, with R (h, H) and C (w, W): two dense products, exact inverse and prox by two SVDs.

    The singular values are the products of those of R and C; coefficients are laid out as (C, H, W), those of the
    measured part in the upper left corner h x w.

    rows, columns: R and C, float64.  rcond: the pseudo-inverse leaves out singular values up to ``rcond * norm``.
    baseline: R', C' of a linear map back, (H, h) and (W, w), where the papers' input is not the pseudo-inverse.
    """

    def __init__(
        self,
        in_shape: Shape,
        rows: np.ndarray,
        columns: np.ndarray,
        *,
        rcond: float = 0.0,
        baseline: tuple[np.ndarray, np.ndarray] | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        channels, height, width = in_shape
        if rows.shape[1] != height or columns.shape[1] != width:
            raise ValueError(f"factors {rows.shape} and {columns.shape} do not fit images of {height}x{width} pixels")
        if rows.shape[0] > height or columns.shape[0] > width:
            raise ValueError("a separable operator that makes images larger is not supported")
        super().__init__(in_shape, (channels, rows.shape[0], columns.shape[0]))
        self.rcond = rcond
        self._ids = {"rows": array_id(rows), "columns": array_id(columns)}
        ur, sr, vr = _svd(rows.tobytes(), rows.shape)
        uc, sc, vc = _svd(columns.tobytes(), columns.shape)
        self.norm = float(sr[0] * sc[0])

        def tensor(array: np.ndarray) -> Tensor:
            return torch.tensor(array, dtype=dtype)

        self._rows, self._columns = tensor(rows), tensor(columns)
        self._ur, self._uc = tensor(ur), tensor(uc)
        self._vr, self._vc = tensor(vr), tensor(vc)  # (H, H), (W, W): columns are right singular vectors
        self._s = tensor(np.outer(sr, sc))  # (h, w)
        self._back = None if baseline is None else (array_id(baseline[0]), array_id(baseline[1]))
        if baseline is not None:
            self._back_rows, self._back_columns = tensor(baseline[0]), tensor(baseline[1])

    def _A(self, x: Tensor) -> Tensor:
        return self._rows @ x @ self._columns.mT

    def _A_adjoint(self, y: Tensor) -> Tensor:
        return self._rows.mT @ y @ self._columns

    def _baseline(self, y: Tensor) -> Tensor:
        return self._A_dagger(y) if self._back is None else self._back_rows @ y @ self._back_columns.mT

    def _thin(self) -> tuple[Tensor, Tensor]:
        h, w = self._s.shape
        return self._vr[:, :h], self._vc[:, :w]

    def _A_dagger(self, y: Tensor) -> Tensor:
        vr, vc = self._thin()
        kept = self._s > self.rcond * self.norm
        inverse = torch.where(kept, 1 / torch.where(kept, self._s, 1), 0)
        return vr @ (inverse * (self._ur.mT @ y @ self._uc)) @ vc.mT

    def _prox(self, z: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        # Only the measured part of z moves: z + V1 ((c + tau s d) / (1 + tau s^2) - c), c = V1^T z, d = U^T y.
        vr, vc = self._thin()
        c, d, s = vr.mT @ z @ vc, self._ur.mT @ y @ self._uc, self._s
        return z + vr @ (tau * s * (d - s * c) / (1 + tau * s**2)) @ vc.mT

    @property
    def singular_values(self) -> Tensor:
        return self._widen(self._s.expand(self.out_shape)).flatten()

    def V(self, c: Tensor) -> Tensor:
        return self._vr @ c.reshape(-1, *self.in_shape) @ self._vc.mT

    def V_adjoint(self, x: Tensor) -> Tensor:
        return (self._vr.mT @ x @ self._vc).flatten(1)

    def U(self, c: Tensor) -> Tensor:
        h, w = self._s.shape
        return self._ur @ c.reshape(-1, *self.in_shape)[..., :h, :w] @ self._uc.mT

    def U_adjoint(self, y: Tensor) -> Tensor:
        return torch.where(self.singular_values > 0, self._widen(self._ur.mT @ y @ self._uc).flatten(1), 0)

    def _widen(self, c: Tensor) -> Tensor:
        """(..., h, w) -> (..., H, W) with zeros for what A does not see."""
        (height, width), (h, w) = self.in_shape[1:], self._s.shape
        return torch.nn.functional.pad(c, (0, width - w, 0, height - h))

    def spec(self) -> dict[str, Any]:
        back = {} if self._back is None else {"baseline": list(self._back)}
        return {"kind": "separable", "shape": list(self.in_shape), **self._ids, "rcond": self.rcond, **back}


class BicubicDownsampling(Separable):
    """MATLAB's antialiased bicubic resize to 1 / scale; the baseline is MATLAB's bicubic resize back up.

    Norm 1 / scale and condition number about 2, so the pseudo-inverse is exact and harmless.
    Raises ValueError where the sides are not multiples of ``scale``: crop first.
    """

    def __init__(
        self,
        in_shape: Shape,
        scale: int,
        *,
        boundary: Boundary = "symmetric",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        _, height, width = in_shape
        if height % scale or width % scale:
            raise ValueError(f"image of {height}x{width} pixels does not divide by {scale}; crop it first")
        h, w = height // scale, width // scale
        super().__init__(
            in_shape,
            bicubic_matrix(height, h, boundary),
            bicubic_matrix(width, w, boundary),
            baseline=(bicubic_matrix(h, height, boundary), bicubic_matrix(w, width, boundary)),
            dtype=dtype,
        )
        self.scale, self.boundary = scale, boundary

    def spec(self) -> dict[str, Any]:
        """By name rather than by matrix: the last bits of a matrix differ between machines, its definition does not."""
        shape = list(self.in_shape)
        return {"kind": "matlab-bicubic", "shape": shape, "scale": self.scale, "boundary": self.boundary}


@lru_cache(maxsize=32)
def _svd(data: bytes, shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """U (h, h), s (h,), V (H, H) of a float64 matrix; images of one size share the work."""
    u, s, vt = np.linalg.svd(np.frombuffer(data, np.float64).reshape(shape), full_matrices=True)
    # What is zero in exact arithmetic comes out as rounding noise; a spectral method would divide by it.
    s = np.where(s > max(shape) * np.finfo(np.float64).eps * s[0], s, 0)
    return u, s, np.ascontiguousarray(vt.T)
