"""BM3D through the authors' Python package, with the true noise level.

Dabov, Foi, Katkovnik and Egiazarian, IEEE TIP 2007; Makinen, Azzari and Foi, "Collaborative filtering of correlated
noise", IEEE TIP 2020 (the package).  The package is optional, and its licence non-commercial.
"""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from benchhost.errors import UsageError
from benchhost.types import Problem
from benchhost_classical.params import Bm3dParams

if TYPE_CHECKING:
    import numpy as np

PROFILES = {
    "np": "BM3DProfile",
    "lc": "BM3DProfileLC",
    "high": "BM3DProfileHigh",
    "refilter": "BM3DProfileRefilter",
    "vn": "BM3DProfileVN",
}


class Bm3d:
    """BM3D, or CBM3D in the opponent colour space for three channels."""

    def __init__(self, params: Bm3dParams) -> None:
        self.params = params

    def setup(self, problem: Problem) -> None:
        """Import the package: it loads native code."""
        _package()

    def reconstruct(self, problem: Problem) -> Tensor:
        """The denoised batch, image by image: (B, 1 or 3, H, W)."""
        if not problem.sigma:  # nothing to remove
            return problem.y.clone()
        images = [self._one(y.permute(1, 2, 0).double().cpu().numpy(), problem.sigma) for y in problem.y]
        return torch.stack([torch.from_numpy(x.transpose(2, 0, 1).copy()) for x in images]).to(problem.y)

    def _one(self, y: np.ndarray, sigma: float) -> np.ndarray:
        """(H, W, C) -> (H, W, C), float64."""
        package = _package()
        profile = getattr(package, PROFILES[self.params.profile])()
        profile.num_threads = 1  # more threads add in another order each time: results would not repeat
        if y.shape[2] == 3:
            return package.bm3d_rgb(y, sigma, profile=profile)
        stages = package.BM3DStages
        stage = stages.ALL_STAGES if self.params.stage == "all" else stages.HARD_THRESHOLDING
        return package.bm3d(y[..., 0], sigma, profile=profile, stage_arg=stage)[..., None]


def _package() -> ModuleType:
    try:
        import bm3d
    except ImportError as error:
        raise UsageError("bm3d: the package is not installed: pip install benchhost[bm3d]") from error
    return bm3d
