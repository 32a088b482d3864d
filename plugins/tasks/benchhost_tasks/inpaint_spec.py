"""Inpainting: what it is, without torch."""

from dataclasses import dataclass
from typing import Literal

from benchhost.params import param
from benchhost.types import Task


@dataclass(frozen=True)
class InpaintParams:
    """Pixels missing at random, or in a box; all channels alike.  Noise, if any, on observed pixels only."""

    keep: float = param(0.5, doc="share of pixels observed (mask=random)", minimum=0.001, maximum=1)
    mask: Literal["random", "box"] = param("random", doc="single pixels at random, or one square missing")
    box: float = param(0.5, doc="side of the missing square by the image's shorter side", minimum=0.01, maximum=0.95)
    place: Literal["centre", "random"] = param("centre", doc="where the square lies")
    sigma: float = param(0.0, doc="white Gaussian noise on observed pixels, in grey levels", minimum=0, maximum=255)


INPAINT = Task(
    name="inpaint",
    target="benchhost_tasks.inpaint:Inpaint",
    params="benchhost_tasks.inpaint_spec:InpaintParams",
    summary="fill in missing pixels",
    levels=({"keep": 0.5}, {"keep": 0.3}, {"keep": 0.1}),
    metrics=("psnr/255/clip_round", "ssim/wang", "consistency/l2"),
    datasets=("embedded-colour",),
    offers=frozenset(
        {"linear", "adjoint", "pinv", "exact-pinv", "svd", "prox", "differentiable", "awgn", "sigma", "real", "bounded"}
    ),
    citation="Ulyanov et al., Deep image prior, CVPR 2018 (random masks)",
)
