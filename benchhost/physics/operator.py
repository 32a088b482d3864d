"""The operator of one problem: immutable, checked at the border, batched, on any device."""

from __future__ import annotations

import copy
import hashlib
import json
from abc import ABC, abstractmethod
from typing import Any, Literal

import torch
from torch import Tensor

from benchhost.physics.solvers import cgls, prox_cg

Shape = tuple[int, ...]


class Physics(ABC):
    """A forward model from images to measurements, applied to whole batches.

    Subclasses write ``_A`` and pass their shapes to ``__init__``; callers use ``A``, which checks shapes once, here.
    Instances are never changed after ``__init__``; ``to`` returns a new one.  Everything is real: complex images and
    k-space are written with two channels (real and imaginary part), an isometry, so adjoints are with respect to the
    ordinary real inner product.

    in_shape: (C, H, W) of the image.  out_shape: shape of one measurement.
    """

    linear = False

    def __init__(self, in_shape: Shape, out_shape: Shape) -> None:
        self.in_shape = tuple(int(n) for n in in_shape)
        self.out_shape = tuple(int(n) for n in out_shape)

    def A(self, x: Tensor) -> Tensor:
        """Measure: (B, *in_shape) -> (B, *out_shape)."""
        return self._A(self._expect(x, self.in_shape, "A"))

    __call__ = A

    @abstractmethod
    def _A(self, x: Tensor) -> Tensor: ...

    def baseline(self, y: Tensor) -> Tensor:
        """What the task's papers call the input (bicubic, FBP, zero-filled, noisy image): (B, *out_shape) -> image."""
        return self._baseline(self._expect(y, self.out_shape, "baseline"))

    @abstractmethod
    def _baseline(self, y: Tensor) -> Tensor: ...

    @abstractmethod
    def spec(self) -> dict[str, Any]:
        """What the operator is, JSON-ready: kind, shapes, numbers; arrays as "sha256:..." of their bytes."""

    @property
    def spec_id(self) -> str:
        """sha256 of the canonical JSON of :meth:`spec`."""
        text = json.dumps(self.spec(), sort_keys=True, separators=(",", ":"), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    def offers(self) -> frozenset[str]:
        """Capabilities by the names of :mod:`benchhost.capability`."""
        return frozenset()

    def to(self, device: str | torch.device | None = None, dtype: torch.dtype | None = None) -> Physics:
        """A copy on another device or in another precision (float32 or float64); index tensors keep their dtype."""
        new = copy.copy(self)
        for name, value in vars(self).items():
            if isinstance(value, Tensor):
                kind = dtype if value.is_floating_point() else None
                if dtype is not None and value.is_complex():
                    kind = torch.complex128 if dtype == torch.float64 else torch.complex64
                setattr(new, name, value.to(device=device, dtype=kind))
            elif isinstance(value, Physics):
                setattr(new, name, value.to(device, dtype))
        return new

    def sample(self, index: int) -> Physics:
        """The operator of sample ``index`` of a batch; itself, unless samples differ (coil maps of a volume's slices).

        A method that takes the samples one at a time asks here for the operator of each.
        """
        return self

    def _expect(self, x: Tensor, shape: Shape, call: str) -> Tensor:
        if x.ndim != len(shape) + 1 or tuple(x.shape[1:]) != shape:
            wanted = ", ".join(map(str, ("B", *shape)))
            raise ValueError(f"{self!r}.{call}: expected shape ({wanted}), got {tuple(x.shape)}")
        return x

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.in_shape} -> {self.out_shape})"


class LinearPhysics(Physics):
    """A linear map with its adjoint, pseudo-inverse and proximal map.

    Subclasses write ``_A`` and ``_A_adjoint``, set ``norm``, and where a closed form is known set
    ``pinv_kind = "exact"`` and write ``_A_dagger`` and ``_prox``.

    norm: spectral norm, or a certified upper bound no more than 0.1 % above it.
    pinv_kind: "exact", or "iterative": CGLS with the fixed count ``pinv_iterations`` (per sample, batch-independent).
    """

    linear = True
    pinv_kind: Literal["exact", "iterative", "none"] = "iterative"
    pinv_iterations = 20
    norm: float = 1.0

    def A_adjoint(self, y: Tensor) -> Tensor:
        """Adjoint: (B, *out_shape) -> (B, *in_shape), with <A x, y> = <x, A_adjoint y>."""
        return self._A_adjoint(self._expect(y, self.out_shape, "A_adjoint"))

    @abstractmethod
    def _A_adjoint(self, y: Tensor) -> Tensor: ...

    def A_dagger(self, y: Tensor) -> Tensor:
        """Pseudo-inverse: (B, *out_shape) -> (B, *in_shape).  Exact, or the K-th CGLS iterate from zero."""
        return self._A_dagger(self._expect(y, self.out_shape, "A_dagger"))

    def _A_dagger(self, y: Tensor) -> Tensor:
        return cgls(self._A, self._A_adjoint, y, iterations=self.pinv_iterations)

    def prox(self, z: Tensor, y: Tensor, tau: float | Tensor) -> Tensor:
        """argmin_x tau/2 |A x - y|^2 + 1/2 |x - z|^2; ``tau`` a number or one value per sample, shape (B,)."""
        self._expect(z, self.in_shape, "prox")
        self._expect(y, self.out_shape, "prox")
        tau = torch.as_tensor(tau, dtype=z.dtype, device=z.device)
        if tau.ndim > 1 or (tau.ndim == 1 and len(tau) != len(z)):
            raise ValueError(f"{self!r}.prox: tau must be a number or have shape ({len(z)},), got {tuple(tau.shape)}")
        return self._prox(z, y, tau.reshape(-1, *[1] * (z.ndim - 1)))

    def _prox(self, z: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        """``tau`` comes as (1 or B, 1, 1, 1)."""
        return prox_cg(self._A, self._A_adjoint, z, y, tau, norm=self.norm)

    def gradient(self, x: Tensor, y: Tensor) -> Tensor:
        """A_adjoint(A x - y), the gradient of 1/2 |A x - y|^2: (B, *in_shape)."""
        return self.A_adjoint(self.A(x) - y)

    def _baseline(self, y: Tensor) -> Tensor:
        return self._A_dagger(y)

    def offers(self) -> frozenset[str]:
        """Linear operators offer everything but an SVD; a closed-form pseudo-inverse is named."""
        always = {"linear", "adjoint", "prox", "differentiable"}
        return frozenset(
            always | {"exact": {"pinv", "exact-pinv"}, "iterative": {"pinv"}, "none": set()}[self.pinv_kind]
        )


class SpectralPhysics(LinearPhysics):
    """A linear map whose singular value decomposition A = U S V^T is at hand (for DDNM+, DDRM, exact prox).

    Subclasses write the four orthogonal factors and ``singular_values``; pseudo-inverse and prox follow from them.
    ``V_adjoint``: (B, *in_shape) -> (B, n) spectral coefficients, n = number of pixels, orthogonal.
    ``singular_values``: (n,), zeros where A is blind; ``U_adjoint(y)``: (B, *out_shape) -> (B, n), zero where s = 0.
    ``rcond``: the pseudo-inverse leaves out singular values up to ``rcond * norm``.
    """

    pinv_kind = "exact"
    rcond: float = 0.0

    @property
    @abstractmethod
    def singular_values(self) -> Tensor:
        """The n singular values, in the order of the coefficients: (n,)."""

    @abstractmethod
    def V(self, c: Tensor) -> Tensor:
        """Coefficients to image: (B, n) -> (B, *in_shape)."""

    @abstractmethod
    def V_adjoint(self, x: Tensor) -> Tensor:
        """Image to coefficients: (B, *in_shape) -> (B, n)."""

    @abstractmethod
    def U(self, c: Tensor) -> Tensor:
        """Coefficients to measurement: (B, n) -> (B, *out_shape)."""

    @abstractmethod
    def U_adjoint(self, y: Tensor) -> Tensor:
        """Measurement to coefficients, zero where s = 0: (B, *out_shape) -> (B, n)."""

    def _A_dagger(self, y: Tensor) -> Tensor:
        s = self.singular_values
        kept = s > self.rcond * self.norm
        inverse = torch.where(kept, 1 / torch.where(kept, s, 1), 0)
        return self.V(inverse * self.U_adjoint(y))

    def _prox(self, z: Tensor, y: Tensor, tau: Tensor) -> Tensor:
        s = self.singular_values
        t = tau.reshape(-1, 1)
        return self.V((self.V_adjoint(z) + t * s * self.U_adjoint(y)) / (1 + t * s**2))

    def offers(self) -> frozenset[str]:
        """Everything a linear operator offers, and the decomposition."""
        return super().offers() | {"svd"}


def array_id(array: Any) -> str:
    """sha256 over dtype, shape and little-endian bytes of an array: how arrays appear in a spec."""
    import numpy as np

    a = np.ascontiguousarray(array.detach().cpu().numpy() if isinstance(array, Tensor) else array)
    a = a.astype(a.dtype.newbyteorder("<"), copy=False)
    head = f"{a.dtype.str}|{a.shape}|".encode()
    return "sha256:" + hashlib.sha256(head + a.tobytes()).hexdigest()
