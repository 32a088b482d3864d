"""Operators that are diagonal in the pixels: the identity (denoising) and a mask (inpainting)."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchhost.physics.operator import Shape, SpectralPhysics, array_id


class _Diagonal(SpectralPhysics):
    """U = V = identity: pixels are their own spectral coefficients."""

    def V(self, c: Tensor) -> Tensor:
        return c.reshape(-1, *self.in_shape)

    def V_adjoint(self, x: Tensor) -> Tensor:
        return x.flatten(1)

    def U(self, c: Tensor) -> Tensor:
        return c.reshape(-1, *self.in_shape)


class Identity(_Diagonal):
    """A x = x."""

    def __init__(self, in_shape: Shape, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(in_shape, in_shape)
        self._ones = torch.ones(int(np.prod(in_shape)), dtype=dtype)

    def _A(self, x: Tensor) -> Tensor:
        return x.clone()

    def _A_adjoint(self, y: Tensor) -> Tensor:
        return y.clone()

    def _A_dagger(self, y: Tensor) -> Tensor:
        return y.clone()

    def _prox(self, z: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        return (z + tau * y) / (1 + tau)

    @property
    def singular_values(self) -> Tensor:
        return self._ones

    def U_adjoint(self, y: Tensor) -> Tensor:
        return y.flatten(1)

    def spec(self) -> dict[str, Any]:
        return {"kind": "identity", "shape": list(self.in_shape)}


class Mask(_Diagonal):
    """A x = m x with m in {0, 1}: a measurement has the shape of the image, and zeros where nothing was seen.

    mask: bool, (H, W) for all channels alike, or (C, H, W).  Raises ValueError where it does not fit ``in_shape``
    or keeps nothing.
    """

    def __init__(self, in_shape: Shape, mask: np.ndarray, *, dtype: torch.dtype = torch.float32) -> None:
        super().__init__(in_shape, in_shape)
        mask = np.asarray(mask)
        if mask.shape not in (self.in_shape, self.in_shape[1:]):
            raise ValueError(f"mask of shape {mask.shape} does not fit images of shape {self.in_shape}")
        if mask.dtype != bool:
            raise ValueError(f"a mask is an array of bool, got {mask.dtype}")
        if not mask.any():
            raise ValueError("the mask keeps no pixel")
        # Packed bits, so that one mask has one id whatever type it came in.
        self._id = array_id(np.packbits(np.broadcast_to(mask, self.in_shape)))
        self.mask = torch.tensor(np.broadcast_to(mask, self.in_shape), dtype=dtype)

    def _A(self, x: Tensor) -> Tensor:
        # Adding zero turns -0.0 into 0.0, which would leak the sign of a pixel that was not seen.  torch.where does
        # the same and takes ten times as long.
        return x * self.mask + 0.0

    _A_adjoint = _A
    _A_dagger = _A

    def _prox(self, z: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        return z + (tau / (1 + tau)) * self.mask * (y - z)

    @property
    def singular_values(self) -> Tensor:
        return self.mask.flatten()

    def U_adjoint(self, y: Tensor) -> Tensor:
        return self._A(y).flatten(1)

    def spec(self) -> dict[str, Any]:
        return {"kind": "mask", "shape": list(self.in_shape), "mask": self._id}
