"""JPEG compression as a forward model: non-linear, without adjoint; the decoded image is the measurement.

The codec is Pillow's libjpeg-turbo with the baseline tables; :func:`codec_version` goes into the record.
"""

from __future__ import annotations

import io
from functools import lru_cache
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor

from benchhost.physics.noise import round_uint8
from benchhost.physics.operator import Physics, Shape

Subsampling = Literal["4:2:0", "4:4:4"]

# BT.601 full range as JFIF defines it: luma of RGB.
_LUMA = (0.299, 0.587, 0.114)


def encode(image: np.ndarray, quality: int, *, subsampling: Subsampling = "4:2:0") -> bytes:
    """JPEG bytes of uint8 (H, W) or (H, W, 3)."""
    from PIL import Image

    out = io.BytesIO()
    # A grey file that claims subsampling decodes alike, but its bytes are not those other encoders write.
    chroma = {"subsampling": subsampling} if image.ndim == 3 else {}
    Image.fromarray(image).save(out, "JPEG", quality=quality, **chroma)
    return out.getvalue()


def decode(data: bytes) -> np.ndarray:
    """uint8 (H, W) or (H, W, 3) of JPEG bytes."""
    from PIL import Image

    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image)


def codec_version() -> str:
    """Name and version of the JPEG library behind Pillow, as in "libjpeg-turbo 3.1.0"."""
    from PIL import features

    turbo = features.version("libjpeg_turbo")
    return f"libjpeg-turbo {turbo}" if turbo else f"libjpeg {features.version('jpg')}"


@lru_cache(maxsize=128)
def quantisation_table(quality: int, *, colour: bool = False) -> np.ndarray:
    """Luma quantisation steps that the codec uses at a quality: int (8, 8), vertical frequency first, read-only."""
    from PIL import Image

    data = encode(np.zeros((8, 8, 3) if colour else (8, 8), np.uint8), quality)
    with Image.open(io.BytesIO(data)) as image:
        table = np.asarray(image.quantization[0]).reshape(8, 8)  # Pillow gives it in row order, not zigzag
    table.setflags(write=False)
    return table


class Jpeg(Physics):
    """Encode and decode each image: (1 or 3, H, W) in [0, 1] -> the same, on the grid of 256 levels.

    quality: 1..100 (libjpeg's scale).  subsampling: of the chroma planes of colour images.
    """

    def __init__(self, in_shape: Shape, quality: int, *, subsampling: Subsampling = "4:2:0") -> None:
        super().__init__(in_shape, in_shape)
        if in_shape[0] not in (1, 3):
            raise ValueError(f"JPEG holds images of 1 or 3 channels, got {in_shape[0]}")
        self.quality, self.subsampling = quality, subsampling
        table = quantisation_table(quality, colour=in_shape[0] == 3)
        self._steps = torch.from_numpy(table.astype(np.float64))

    def encode(self, x: Tensor) -> list[bytes]:
        """The files of a batch: (B, C, H, W) in [0, 1], rounded to 8 bits first."""
        levels = (255 * round_uint8(x.detach().cpu().double())).to(torch.uint8).permute(0, 2, 3, 1).numpy()
        images = levels[..., 0] if self.in_shape[0] == 1 else levels
        return [encode(np.ascontiguousarray(i), self.quality, subsampling=self.subsampling) for i in images]

    def decode(self, files: list[bytes]) -> Tensor:
        """The images of a batch of files: (B, C, H, W) float64 in [0, 1]."""
        arrays = np.stack([decode(f).reshape(*self.in_shape[1:], self.in_shape[0]) for f in files])
        return torch.from_numpy(arrays.astype(np.float64)).permute(0, 3, 1, 2) / 255

    def _A(self, x: Tensor) -> Tensor:
        return self.decode(self.encode(x)).to(x)

    def _baseline(self, y: Tensor) -> Tensor:
        return y.clone()

    def project(self, x: Tensor, y: Tensor) -> Tensor:
        """The nearest image whose luma lies in the quantisation cells of ``y``: (B, C, H, W) twice -> (B, C, H, W).

        Every 8 x 8 block that lies wholly in the image has its luma DCT coefficients clipped to the cell of the
        decoded coefficient; in a colour image the correction goes to all three channels alike, which leaves chroma as
        it was (subsampled chroma has no cells that could be read from ``y``).  Partial blocks at the right and bottom
        border stay.  Cells are found by rounding the coefficients of ``y``: exact where decoding saturated no pixel.
        """
        self._expect(x, self.in_shape, "project")
        self._expect(y, self.in_shape, "project")
        dct = dct_matrix().to(x)
        steps = self._steps.to(x)

        def coefficients(image: Tensor) -> Tensor:
            return dct @ (255 * _blocks(self._luma(image)) - 128) @ dct.mT

        c = coefficients(x)
        centre = (coefficients(y) / steps).round() * steps
        correction = torch.minimum(torch.maximum(c, centre - steps / 2), centre + steps / 2) - c
        return x + _unblock(dct.mT @ correction @ dct, self.in_shape[1:]) / 255

    def _luma(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, 1, H, W)."""
        if self.in_shape[0] == 1:
            return x
        return (x * torch.tensor(_LUMA, dtype=x.dtype, device=x.device)[:, None, None]).sum(1, keepdim=True)

    def spec(self) -> dict[str, Any]:
        grey = self.in_shape[0] == 1
        subsampling = None if grey else self.subsampling
        return {"kind": "jpeg", "shape": list(self.in_shape), "quality": self.quality, "subsampling": subsampling}


def dct_matrix() -> Tensor:
    """The orthonormal DCT-II of 8 samples, which is the scaling JPEG's quantisation steps refer to: (8, 8)."""
    k, i = torch.arange(8, dtype=torch.float64)[:, None], torch.arange(8, dtype=torch.float64)
    matrix = 0.5 * torch.cos(torch.pi * k * (2 * i + 1) / 16)
    matrix[0] /= 2**0.5
    return matrix


def _blocks(x: Tensor) -> Tensor:
    """Whole 8 x 8 blocks: (B, 1, H, W) -> (B, H // 8, W // 8, 8, 8)."""
    batch, _, height, width = x.shape
    rows, columns = height // 8, width // 8
    whole = x[:, 0, : rows * 8, : columns * 8]
    return whole.reshape(batch, rows, 8, columns, 8).transpose(2, 3)


def _unblock(blocks: Tensor, shape: tuple[int, int]) -> Tensor:
    """The inverse of :func:`_blocks`, zeros in partial blocks: (B, r, c, 8, 8) -> (B, 1, H, W)."""
    batch, rows, columns = blocks.shape[:3]
    whole = blocks.transpose(2, 3).reshape(batch, 1, rows * 8, columns * 8)
    return torch.nn.functional.pad(whole, (0, shape[1] - columns * 8, 0, shape[0] - rows * 8))
