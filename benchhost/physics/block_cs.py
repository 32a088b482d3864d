"""Block compressed sensing: every block of the image, or of the scrambled image, measured with one small matrix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchhost.physics.operator import Shape, SpectralPhysics, array_id


@dataclass(frozen=True, kw_only=True, eq=False)
class Sensing:
    """A measurement matrix with its singular value decomposition, in float64; made by :func:`sensing`.

    matrix: (m, n).  u: (m, m), s: (m,), v: (n, n) whose columns are right singular vectors, null space last.
    """

    matrix: np.ndarray
    u: np.ndarray
    s: np.ndarray
    v: np.ndarray
    id: str


def sensing(matrix: np.ndarray) -> Sensing:
    """Factor a measurement matrix (m, n), m <= n.

    Rows that are orthonormal to 1e-10 are taken as their own singular vectors (u = 1, s = 1), so that the
    pseudo-inverse is the adjoint; any other matrix of full rank goes through its decomposition.
    Raises ValueError where m > n, or where rows depend on each other.
    """
    matrix = np.ascontiguousarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[0] > matrix.shape[1]:
        raise ValueError(f"a measurement matrix has shape (m, n) with m <= n, got {matrix.shape}")
    m = len(matrix)
    if np.abs(matrix @ matrix.T - np.eye(m)).max() < 1e-10:
        q, _ = np.linalg.qr(matrix.T, mode="complete")
        u, s, v = np.eye(m), np.ones(m), np.concatenate([matrix.T, q[:, m:]], axis=1)
    else:
        u, s, vt = np.linalg.svd(matrix)
        v = vt.T
        if s[-1] <= 1e-10 * s[0]:
            raise ValueError(f"the rows of the {matrix.shape} measurement matrix are linearly dependent")
    return Sensing(matrix=matrix, u=u, s=s, v=v, id=array_id(matrix))


def gaussian_rows(n: int, rows: int, seed: int = 0) -> np.ndarray:
    """The first ``rows`` orthonormal rows of a seeded Gaussian n x n matrix: float64 (rows, n).

    Gram-Schmidt (QR with a positive diagonal) of white Gaussian rows from numpy's frozen ``RandomState(seed)``: row k
    depends on the rows before it only, so a matrix of fewer rows is the top of one with more.
    """
    white = np.random.RandomState(seed).standard_normal((rows, n))
    q, r = np.linalg.qr(white.T)
    return np.ascontiguousarray((q * np.sign(np.diag(r))).T)


class BlockCS(SpectralPhysics):
    """y = Phi x for every block x of a canvas that divides into blocks: (C, H, W) -> (C, blocks, m).

    Blocks are read row by row, pixels within a block row by row; every channel is measured with the same Phi.

    matrix: the factored Phi, n = block^2.
    scramble: permutation of the H * W pixels applied before blocking (whole-image sensing): pixel k of the scrambled
        image is pixel ``scramble[k]`` of the image; None for plain blocks.
    name: what the matrix is called in the spec where it follows from a rule rather than from its bytes.
    Raises ValueError where the canvas does not divide into blocks: pad it first.
    """

    def __init__(
        self,
        in_shape: Shape,
        block: int,
        matrix: Sensing,
        *,
        scramble: np.ndarray | None = None,
        name: str = "",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        channels, height, width = in_shape
        m, n = matrix.matrix.shape
        if height % block or width % block:
            raise ValueError(
                f"canvas of {height}x{width} pixels does not divide into {block}x{block} blocks; pad it first"
            )
        if n != block * block:
            raise ValueError(f"a matrix with {n} columns does not measure blocks of {block}x{block} pixels")
        blocks = (height // block) * (width // block)
        super().__init__(in_shape, (channels, blocks, m))
        self.block, self.norm = block, float(matrix.s[0])
        self._id, self._scramble_id = name or matrix.id, None
        self._orthonormal = bool((matrix.s == 1).all())
        # Phi and its transpose are both stored contiguous: the product with a transposed view is slower.
        self._phi = torch.tensor(matrix.matrix, dtype=dtype)
        self._phi_t = self._phi.mT.contiguous()
        self._u, self._s = torch.tensor(matrix.u, dtype=dtype), torch.tensor(matrix.s, dtype=dtype)
        self._v = torch.tensor(matrix.v, dtype=dtype)
        self._order = self._back = None
        if scramble is not None:
            if not np.array_equal(np.sort(scramble), np.arange(height * width)):
                raise ValueError(f"scramble is not a permutation of {height * width} pixels")
            self._scramble_id = array_id(np.asarray(scramble, np.int64))
            # Scrambling and cutting into blocks are one gather.
            cut = _cut(torch.from_numpy(np.asarray(scramble, np.int64)).reshape(1, 1, height, width), block)
            self._order = cut.flatten()
            self._back = torch.argsort(self._order)

    def _split(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, blocks, n)."""
        if self._order is None:
            return _cut(x, self.block)
        return x.flatten(2)[:, :, self._order].reshape(*x.shape[:2], -1, self.block**2)

    def _join(self, blocks: Tensor) -> Tensor:
        """(B, C, blocks, n) -> (B, C, H, W)."""
        _, height, width = self.in_shape
        if self._back is not None:
            return blocks.flatten(2)[:, :, self._back].reshape(-1, *self.in_shape)
        k = self.block
        grid = blocks.reshape(*blocks.shape[:2], height // k, width // k, k, k)
        return grid.transpose(3, 4).reshape(-1, *self.in_shape)

    def _A(self, x: Tensor) -> Tensor:
        return self._split(x) @ self._phi_t

    def _A_adjoint(self, y: Tensor) -> Tensor:
        return self._join(y @ self._phi)

    def _A_dagger(self, y: Tensor) -> Tensor:
        if self._orthonormal:
            return self._A_adjoint(y)
        return self._join((y @ self._u / self._s) @ self._v[:, : len(self._s)].mT)

    def _prox(self, z: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        # z + A^T U (1 + tau S^2)^-1 tau U^T (y - A z), by the push-through identity.
        r = y - self._A(z)
        if self._orthonormal:
            return z + self._A_adjoint(tau / (1 + tau) * r)
        return z + self._A_adjoint((r @ self._u * (tau / (1 + tau * self._s**2))) @ self._u.mT)

    @property
    def singular_values(self) -> Tensor:
        _, blocks, m = self.out_shape
        s = torch.nn.functional.pad(self._s, (0, self.block**2 - m))
        return s.expand(self.in_shape[0], blocks, -1).flatten()

    def V(self, c: Tensor) -> Tensor:
        return self._join(self._blocks(c) @ self._v.mT)

    def V_adjoint(self, x: Tensor) -> Tensor:
        return (self._split(x) @ self._v).flatten(1)

    def U(self, c: Tensor) -> Tensor:
        return self._blocks(c)[..., : len(self._s)] @ self._u.mT

    def U_adjoint(self, y: Tensor) -> Tensor:
        return torch.nn.functional.pad(y @ self._u, (0, self.block**2 - len(self._s))).flatten(1)

    def _blocks(self, c: Tensor) -> Tensor:
        return c.reshape(-1, *self.out_shape[:2], self.block**2)

    def spec(self) -> dict[str, Any]:
        return {"kind": "block-cs", "shape": list(self.in_shape), "block": self.block, "rows": self.out_shape[2],
                "matrix": self._id, "scramble": self._scramble_id}  # fmt: skip


def _cut(x: Tensor, block: int) -> Tensor:
    """(B, C, H, W) -> (B, C, blocks, block^2)."""
    batch, channels, height, width = x.shape
    grid = x.reshape(batch, channels, height // block, block, width // block, block)
    return grid.transpose(3, 4).reshape(batch, channels, -1, block * block)
