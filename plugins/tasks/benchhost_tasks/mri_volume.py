"""Raw k-space volumes by fastMRI's protocol: a retrospective mask, one problem for all slices, volume metrics."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from benchhost.errors import UnsuitableImage
from benchhost.physics import LinearPhysics
from benchhost.physics.coils import estimate_maps
from benchhost.physics.fourier import SingleCoilFourier
from benchhost.physics.noise import awgn
from benchhost.physics.sense import MultiCoilFourier
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed, View
from benchhost_tasks.mri_sampling import sampling_mask, sampling_notes
from benchhost_tasks.mri_spec import MriParams


def pose_volume(p: MriParams, item: Item, seeds: Seeds) -> Posed:
    """A fastMRI volume: y (slices, 2, [coils,] H, W), judged against ``reconstruction_esc`` or ``reconstruction_rss``.

    - The mask is fastMRI's for the file name, and leaves out the zero-filled columns beside the measured ones (as the
      VarNet reference does).  No noise is added unless asked for: the data have their own, and so has the target.
    - Single-coil: A = M F.  Multi-coil: A = M F S with the maps of each slice estimated from its own fully sampled
      central lines (low-resolution coil images over their root sum of squares; nothing that was not sampled is used).
    - Values are divided by the largest magnitude of the zero-filled volume (scanner units are about 1e-5), and
      estimates multiplied by it before they are compared.
    - The truth is the image of the full k-space (with several coils, combined with the same maps); what is scored is
      the modulus, cropped in the centre to the target, then both to squares of the target's width (``evaluate.py``).
    """
    name = f"{item.dataset}/{item.name}"
    _check(p, item, name)
    kspace, target = item.array, item.meta["target"]
    shape = kspace.shape[-2:]
    mask = _unpadded(sampling_mask(p, item, shape, seeds), item.meta.get("padding"), name)
    sampled = np.where(mask, kspace, np.complex64(0))
    maps = None
    if p.coils == 0:
        try:
            maps = estimate_maps(sampled, mask if mask.ndim == 1 else mask.all(0))
        except ValueError as error:
            raise UnsuitableImage(f"{name}: {error}") from error
    scale = _zero_filled_peak(sampled, name)
    A = _operator(mask, shape, maps, p.pinv_iterations)
    y = awgn(_real(sampled) / scale, p.sigma, seeds.random_state("noise"))
    y = torch.where(torch.from_numpy(mask), y, 0.0)
    truth = _operator(np.ones_like(mask), shape, maps, 1).A_adjoint(_real(kspace, coils=maps is not None) / scale)
    return Posed(
        y=y if maps is not None else y[:, :, 0],
        physics=A,
        sigma=p.sigma,
        truth=truth,
        view=_view(target, scale, tuple(truth.shape)),
        complex_image=True,
        value_range=None,
        notes={**sampling_notes(mask, shape), "coils": kspace.shape[1], "scale": scale},
    )


def _check(p: MriParams, item: Item, name: str) -> None:
    if p.protocol != "fastmri":
        raise UnsuitableImage(f"{name}: raw k-space is posed by protocol fastmri, not {p.protocol}")
    coils = item.array.shape[1]
    if item.meta.get("multicoil", coils > 1) != (p.coils == 0) or (p.coils > 1):
        wanted = "mri:coils=0" if item.meta.get("multicoil", coils > 1) else "mri:coils=1"
        raise UnsuitableImage(f"{name}: the volume has {coils} coil(s); pose it with {wanted}, not coils={p.coils}")
    if item.meta.get("target") is None:
        raise UnsuitableImage(f"{name}: a test volume withholds its target, so nothing could be scored")


def _unpadded(mask: np.ndarray, padding: tuple[int, int] | None, name: str) -> np.ndarray:
    """The mask without the columns that are zero-filled, not measured."""
    mask = np.array(mask)
    if padding is not None:
        left, right = padding
        mask[..., : max(0, left)] = False
        mask[..., max(0, right) :] = False
    if not mask.any():
        raise UnsuitableImage(f"{name}: the mask samples nothing inside the measured columns {padding}")
    return mask


def _operator(mask: np.ndarray, shape: tuple[int, int], maps: np.ndarray | None, count: int) -> LinearPhysics:
    if maps is None:
        return SingleCoilFourier(mask, shape)
    return MultiCoilFourier(
        mask, maps, source={"estimated": "central lines", "of": "each slice"}, pinv_iterations=count
    )


def _zero_filled_peak(sampled: np.ndarray, name: str) -> float:
    """Largest root-sum-of-squares magnitude of the zero-filled volume: known to whoever has the measurement."""
    full = SingleCoilFourier(np.ones(sampled.shape[-1], dtype=bool), sampled.shape[-2:])
    peak = 0.0
    for coils in sampled:  # one slice at a time: a volume's coil images need not be held at once
        parts = torch.from_numpy(np.stack((coils.real, coils.imag), 1))
        peak = max(peak, float(full.A_adjoint(parts).square().sum((0, 1)).max()) ** 0.5)
    if not peak > 0:
        raise UnsuitableImage(f"{name}: the sampled part of k-space is all zeros")
    return peak


def _real(kspace: np.ndarray, *, coils: bool = True) -> Tensor:
    """Complex (slices, coils, H, W) -> float32 (slices, 2, coils, H, W), without the coil axis if not ``coils``."""
    parts = torch.from_numpy(np.stack((kspace.real, kspace.imag), 1))
    return parts if coils else parts[:, :, 0]


def _view(target: np.ndarray, scale: float, shape: tuple[int, ...]) -> Callable[[Tensor], View]:
    height, width = target.shape[-2:]
    if shape[-1] < width:  # "FLAIR 203": images narrower than their nominal reconstruction
        height = width = shape[-1]
    square = min(height, width, target.shape[-1])
    truth = centre_crop(target.astype(np.float64), (square, square))

    def view(estimate: Tensor) -> View:
        if tuple(estimate.shape) != shape:
            raise ValueError(f"expected an estimate of shape {shape}, got {tuple(estimate.shape)}")
        parts = estimate.detach().cpu().double().numpy() * scale
        modulus = centre_crop(np.hypot(parts[:, 0], parts[:, 1]), (min(height, shape[-2]), width))
        return View(estimate=centre_crop(modulus, (square, square)), truth=truth, volume=True)

    return view


def centre_crop(volume: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The centre of the last two axes, offset (H - h) // 2 as fastMRI cuts it."""
    top, left = ((n - m) // 2 for n, m in zip(volume.shape[-2:], size, strict=True))
    return volume[..., top : top + size[0], left : left + size[1]]
