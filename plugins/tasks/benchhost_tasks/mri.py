"""Accelerated MRI: y = M F S x, measured in simulation from images or taken from raw volumes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from benchhost.errors import UnsuitableImage
from benchhost.physics import LinearPhysics
from benchhost.physics.coils import RING, simulated_maps, smooth_phase
from benchhost.physics.fourier import RealFourier, SingleCoilFourier
from benchhost.physics.noise import awgn
from benchhost.physics.sense import MultiCoilFourier
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed, View
from benchhost_tasks.mri_sampling import sampling_mask, sampling_notes
from benchhost_tasks.mri_spec import MriParams
from benchhost_tasks.mri_volume import pose_volume


class Mri:
    """Both protocols on images, fastMRI's on raw volumes."""

    def __init__(self, params: MriParams) -> None:
        self.params = params

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """Measure an item; see :class:`benchhost.types.TaskRuntime`."""
        if item.kind == "kspace":
            return pose_volume(self.params, item, seeds)
        if self.params.protocol == "ista":
            return pose_real(self.params, item, seeds)
        return pose_complex(self.params, item, seeds)


def pose_complex(p: MriParams, item: Item, seeds: Seeds) -> Posed:
    """FastMRI's protocol on one magnitude (or complex) image; judged by its modulus, a volume of one slice."""
    if p.coils == 0:
        raise UnsuitableImage(
            f"{item.dataset}/{item.name}: an image brings no coils of its own; give mri:coils=1 or more"
        )
    image = complex_image(p, item, seeds)
    shape = image.shape
    mask = sampling_mask(p, item, shape, seeds)
    A: LinearPhysics
    if p.coils == 1:
        A = SingleCoilFourier(mask, shape, torch.float64)
    else:
        source = {"simulated": p.coils, "ring": RING}
        maps = simulated_maps(p.coils, *shape)
        A = MultiCoilFourier(mask, maps, source=source, pinv_iterations=p.pinv_iterations, dtype=torch.float64)
    x = torch.from_numpy(np.stack((image.real, image.imag)))[None]
    y = measured(A, x, mask, p.sigma, seeds)

    def view(estimate: Tensor) -> View:
        return View(estimate=_modulus(estimate)[0], truth=np.abs(image))

    return Posed(
        y=y.float(),
        physics=A.to(dtype=torch.float32),
        sigma=p.sigma,
        truth=x.float(),
        view=_expecting(x, view),
        complex_image=True,
        value_range=(-1.0, 1.0),
        notes=sampling_notes(mask, shape),
    )


def pose_real(p: MriParams, item: Item, seeds: Seeds) -> Posed:
    """ISTA-Net's protocol: a real image in [0, 1], DC in the corner, scored in grey levels of 0..255."""
    image = _plane(item)
    if np.iscomplexobj(image):
        raise UnsuitableImage(f"{item.dataset}/{item.name}: protocol ista takes magnitude images, this one is complex")
    mask = sampling_mask(p, item, image.shape, seeds)
    A = RealFourier(mask, image.shape, torch.float64)
    x = torch.from_numpy(image.astype(np.float64))[None, None]
    y = measured(A, x, mask, p.sigma, seeds)

    def view(estimate: Tensor) -> View:
        return View(estimate=estimate.detach().cpu().double().numpy()[0, 0], truth=x.numpy()[0, 0])

    return Posed(
        y=y.float(),
        physics=A.to(dtype=torch.float32),
        sigma=p.sigma,
        truth=x.float(),
        view=_expecting(x, view),
        notes=sampling_notes(mask, image.shape),
    )


def complex_image(p: MriParams, item: Item, seeds: Seeds) -> np.ndarray:
    """The object that is scanned: complex128 (H, W).

    A magnitude image gets a smooth phase, seeded by data set and name only: the same at every level and repeat.
    """
    image = _plane(item)
    if np.iscomplexobj(image) or p.phase == "none":
        return image.astype(np.complex128)
    fixed = replace(seeds, task="mri", repeat=0, base=0)
    return image * np.exp(1j * smooth_phase(*image.shape, fixed.random_state("phase")))


def measured(A: LinearPhysics, x: Tensor, mask: np.ndarray, sigma: float, seeds: Seeds) -> Tensor:
    """A x with noise on what is sampled; the rest is +0, so that no sign of an unsampled entry leaks out."""
    y = awgn(A.A(x), sigma, seeds.random_state("noise"))
    return torch.where(torch.from_numpy(np.ascontiguousarray(mask)), y, 0.0)


def _plane(item: Item) -> np.ndarray:
    array = item.array
    if array.ndim != 2 or array.dtype not in (np.float32, np.complex64) or min(array.shape) < 8:
        raise UnsuitableImage(
            f"{item.dataset}/{item.name}: a float32 or complex64 image of at least 8x8 pixels is needed, "
            f"got {array.dtype} {array.shape}"
        )
    return array


def _modulus(estimate: Tensor) -> np.ndarray:
    """(B, 2, H, W) -> float64 (B, H, W)."""
    parts = estimate.detach().cpu().double().numpy()
    return np.hypot(parts[:, 0], parts[:, 1])


def _expecting(x: Tensor, view: Callable[[Tensor], View]) -> Callable[[Tensor], View]:
    """``view`` with a check of the estimate's shape."""

    def checked(estimate: Tensor) -> View:
        if estimate.shape != x.shape:
            raise ValueError(f"expected an estimate of shape {tuple(x.shape)}, got {tuple(estimate.shape)}")
        return view(estimate)

    return checked
