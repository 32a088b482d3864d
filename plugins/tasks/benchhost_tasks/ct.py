"""Sparse-view CT: y = A x, the mean attenuation along strips, exact, noisy or counted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from benchhost.errors import UnsuitableImage
from benchhost.physics.noise import awgn, poisson_log
from benchhost.physics.radon import Radon
from benchhost.physics.strips import ParallelBeam, diagonal_bins, project, scan_angles
from benchhost.seeds import Seeds
from benchhost.types import Item, Posed, View
from benchhost_tasks.ct_spec import CtParams

MU_WATER, MU_AIR = 20.0, 0.02  # 1/m, near 60 keV
MU_MAX = 81.35858  # 1/m, attenuation at 3071 HU, the top of the usual 12-bit scale


class Ct:
    """A slice on its own grid, square or not: nothing is cropped, padded or resized."""

    def __init__(self, params: CtParams) -> None:
        self.params = params

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """Measure an item; see :class:`benchhost.types.TaskRuntime`."""
        p = self.params
        image, clipped = attenuation(item)
        height, width = image.shape
        geometry = ParallelBeam(
            height=height,
            width=width,
            angles=scan_angles(p.views, convention=p.angles, arc=p.arc),
            bins=p.bins or diagonal_bins(height, width),
            det_pitch=p.det_pitch,
        )
        try:
            A = Radon(geometry, pinv_iterations=p.pinv_iterations)
        except ValueError as error:
            raise UnsuitableImage(f"{item.dataset}/{item.name}: {error}") from error
        x = torch.from_numpy(image)[None, None]
        clean = _project_finely(image, geometry, p.simulate_size) * A.scale
        y, sigma = self._sense(torch.from_numpy(clean)[None, None], A, max(height, width), seeds)
        notes = {
            "bins": geometry.bins,
            "scale": A.scale,
            "clipped_pixels": clipped,
            "noise_std": float((y - torch.from_numpy(clean)).std()),
        }

        def view(estimate: Tensor) -> View:
            if estimate.shape != x.shape:
                raise ValueError(f"expected an estimate of shape {tuple(x.shape)}, got {tuple(estimate.shape)}")
            return View(estimate=estimate.detach().cpu().double().numpy()[0, 0], truth=image)

        return Posed(y=y.float(), physics=A, sigma=sigma, truth=x.float(), view=view, notes=notes)

    def _sense(self, clean: Tensor, A: Radon, longer_side: int, seeds: Seeds) -> tuple[Tensor, float | None]:
        """What the detector makes of exact line integrals, and the level of white noise that a method is told."""
        p = self.params
        if p.noise == "none":
            return clean, 0.0
        random = seeds.random_state("noise")
        if p.noise == "gaussian":
            sigma = p.sigma * float(clean.max())
            return awgn(clean, sigma, random), sigma
        metres = p.field_of_view / longer_side / A.scale  # from the scaled operator's units to metres of dense bone
        return poisson_log(clean * metres, random, photons=p.photons, mu=MU_MAX) / metres, None


def attenuation(item: Item) -> tuple[np.ndarray, float]:
    """LoDoPaB-CT's normalisation: Hounsfield units -> float64 (H, W) in [0, 1], and the share of pixels clipped.

    mu = HU / 1000 (mu_water - mu_air) + mu_water, divided by the attenuation at 3071 HU and clipped to [0, 1]; air is
    0.0002, water 0.246.  (LoDoPaB also adds uniform noise below 1 HU before, to undo the rounding; here nothing is.)
    """
    hounsfield = item.array
    if hounsfield.ndim != 2 or hounsfield.dtype != np.float32 or min(hounsfield.shape) < 8:
        raise UnsuitableImage(
            f"{item.dataset}/{item.name}: a float32 slice of at least 8x8 pixels in Hounsfield units is needed, "
            f"got {hounsfield.dtype} {hounsfield.shape}"
        )
    mu = (hounsfield.astype(np.float64) / 1000 * (MU_WATER - MU_AIR) + MU_WATER) / MU_MAX
    clipped = float(np.mean((mu < 0) | (mu > 1)))
    return np.clip(mu, 0, 1), clipped


def _project_finely(image: np.ndarray, geometry: ParallelBeam, size: int | None) -> np.ndarray:
    """Exact strip integrals of the image, interpolated linearly to a grid with ``size`` pixels on its longer side."""
    if size is None:
        return project(image, geometry)
    from scipy.ndimage import zoom

    longer = max(image.shape)
    target = [round(n * size / longer) for n in image.shape]
    fine = zoom(
        image, [m / n for m, n in zip(target, image.shape, strict=True)], order=1, mode="nearest", grid_mode=True
    )
    height, width = fine.shape
    return project(fine, replace(geometry, height=height, width=width, pixel=longer / size))
