"""Cartesian MRI with several coils: SENSE, the masked Fourier transform of an image weighted by coil sensitivities.

Pruessmann et al., "SENSE: Sensitivity Encoding for Fast MRI", MRM 42, 1999, and with conjugate gradients, MRM 46, 2001.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchhost.physics.fourier import MaskedFourier, as_tensor, fft2, ramps, real_dtype, to_complex, to_real
from benchhost.physics.lanczos import lanczos_norm
from benchhost.physics.operator import Physics, array_id
from benchhost.physics.solvers import prox_cg


class MultiCoilFourier(MaskedFourier):
    """A = M F S for complex images: (2, H, W) -> (2, coils, H, W).  A+ is CG-SENSE with a fixed count.

    mask: bool, (W,) or (H, W), DC in the centre.
    maps: complex (coils, H, W), or (slices, coils, H, W) where each sample of a batch has maps of its own: then calls
        take exactly that many samples, and ``sample(i)`` is the operator of one of them.  sum |S|^2 <= 1.
    source: how the maps were made, JSON-ready, for ``spec``; without it the maps appear by their bytes.
    """

    def __init__(
        self,
        mask: Any,
        maps: np.ndarray,
        *,
        source: Mapping[str, Any] | None = None,
        pinv_iterations: int = 20,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        maps = np.asarray(maps)
        if maps.ndim not in (3, 4) or not np.iscomplexobj(maps):
            raise ValueError(f"coil maps are complex, ([slices,] coils, H, W); got {maps.dtype} of shape {maps.shape}")
        peak = float(np.sum(np.abs(maps) ** 2, axis=-3).max())
        if not peak <= 1 + 1e-5:
            raise ValueError(f"coil maps must have sum |S|^2 <= 1 over the coils, got {peak:.4g}; normalise them")
        self.maps = maps
        self.source = dict(source) if source else {"maps": array_id(maps)}
        self.pinv_iterations = pinv_iterations
        super().__init__(mask, (2, *maps.shape[-2:]), (2, *maps.shape[-3:]), dtype)

    def _prepare(self, device: torch.device, dtype: torch.dtype) -> None:
        image_ramp, k_ramp = ramps(*self.mask.shape)
        self._maps = as_tensor(self.maps * image_ramp, device, dtype)
        self._sampling = as_tensor(k_ramp * self.mask, device, dtype)

    def _A(self, x: Tensor) -> Tensor:
        if self._at_once(len(x)):
            return to_real(fft2(self._maps * to_complex(x)[:, None]).mul_(self._sampling))
        pairs = zip(to_complex(x), self._maps_of(len(x)), strict=True)  # one sample at a time: coils are batch enough
        return _batch([to_real(fft2(maps * image).mul_(self._sampling), 0) for image, maps in pairs])

    def _A_adjoint(self, y: Tensor) -> Tensor:
        if self._at_once(len(y)):
            conjugate = fft2(torch.complex(y[:, 0], -y[:, 1]).mul_(self._sampling)).mul_(self._maps).sum(1)
            return to_real(conjugate.conj())
        images = []
        for k, maps in zip(y, self._maps_of(len(y)), strict=True):
            # sum conj(S) F* (conj(m) k) = conj(sum S F (m conj(k))): no conjugate of the maps is ever made
            conjugate = fft2(torch.complex(k[0], -k[1]).mul_(self._sampling)).mul_(maps).sum(0)
            images.append(torch.stack((conjugate.real, -conjugate.imag)))
        return _batch(images)

    def _at_once(self, batch: int) -> bool:
        """Whether one call of the transform serves the whole batch: fewer launches, on a GPU, for more memory."""
        return batch > 1 and self._maps.ndim == 3 and self._maps.device.type != "cpu"

    def _maps_of(self, batch: int) -> Tensor:
        """The maps of each sample: (batch, coils, H, W)."""
        if self._maps.ndim == 3:
            return self._maps.expand(batch, *self._maps.shape)
        if batch != len(self._maps):
            raise ValueError(
                f"{self!r} holds the coil maps of {len(self._maps)} slices and got a batch of {batch}; "
                "use sample(i) for one slice"
            )
        return self._maps

    def sample(self, index: int) -> Physics:
        """The operator of one sample of the batch."""
        if self._maps.ndim == 3:
            return self
        source = {**self.source, "slice": range(len(self.maps))[index]}
        return MultiCoilFourier(
            self.mask,
            self.maps[index],
            source=source,
            pinv_iterations=self.pinv_iterations,
            dtype=real_dtype(self._maps.dtype),
        ).to(self._maps.device)

    @cached_property
    def norm(self) -> float:  # type: ignore[override]
        """1, the bound that sum |S|^2 <= 1 gives, where it is within 0.1 % of the norm; else the norm by Lanczos."""
        best = 0.0
        for index in range(1 if self._maps.ndim == 3 else len(self._maps)):
            one = self.sample(index)
            start = torch.from_numpy(np.random.RandomState(index).standard_normal((1, *self.in_shape)))
            start = start.to(self._maps.device, real_dtype(self._maps.dtype))
            best = max(best, lanczos_norm(one._A, one._A_adjoint, start, enough=0.9991))
            if best >= 0.9991:
                return 1.0
        return best

    def _prox(self, z: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        return prox_cg(self._A, self._A_adjoint, z, y, tau, norm=1.0)

    def spec(self) -> dict[str, Any]:
        """Grid, mask, maps and the count of CG-SENSE."""
        return {
            "kind": "fourier",
            "coils": self.out_shape[1],
            "shape": list(self.mask.shape),
            "mask": array_id(self.mask),
            "maps": self.source,
            "pinv": {"cgls": self.pinv_iterations},
        }


def _batch(samples: list[Tensor]) -> Tensor:
    """Stack, without copying where there is one sample only."""
    return samples[0][None] if len(samples) == 1 else torch.stack(samples)
