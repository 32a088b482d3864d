"""Deblurring: what it is, without torch."""

from dataclasses import dataclass
from typing import Any, Literal

from benchhost.params import as_dict, param
from benchhost.types import Task
from benchhost_tasks.artefacts import SUFFIXES, file_id, is_file

BUILT_IN = ("gaussian", "motion", "ddnm")


@dataclass(frozen=True)
class DeblurParams:
    """A known kernel, then white Gaussian noise.

    The protocol of DPIR, IRCNN and USRNet blurs the 8-bit array, which cuts the result down to whole levels:
    ``kernel=Levin09.mat,index=0..7,sigma=2.55,sensor=floor_uint8,stream=kair,modcrop=8``.
    """

    kernel: str = param("gaussian", doc="gaussian, motion, ddnm, or a .mat or .npy file of kernels")
    index: int = param(0, doc="which kernel of the file; seed of a motion kernel", minimum=0)
    size: int = param(25, doc="side of a Gaussian or motion kernel in pixels", minimum=3, maximum=127)
    std: float = param(1.6, doc="standard deviation of the Gaussian kernel in pixels", minimum=0.1, maximum=50)
    boundary: Literal["circular", "valid", "zero"] = param(
        "circular",
        doc="circular: periodic image; valid: only pixels whose neighbourhood is known; zero: black beyond the border",
    )
    sensor: Literal["float", "floor_uint8"] = param(
        "float", doc="floor_uint8: the blurred image is cut down to whole levels before the noise (bias -0.5 level)"
    )
    sigma: float = param(2.55, doc="white Gaussian noise in grey levels", minimum=0, maximum=255)
    stream: Literal["seeds", "kair"] = param(
        "seeds", doc="noise numbers: keyed by image, or KAIR's, which begin anew at seed 0 for every image"
    )
    modcrop: int = param(1, doc="crop the image to a multiple of this", minimum=1, maximum=64)

    def __post_init__(self) -> None:
        if self.kernel not in BUILT_IN and not is_file(self.kernel):
            raise ValueError(
                f"kernel must be one of {', '.join(BUILT_IN)} or a file ({', '.join(SUFFIXES)}), got '{self.kernel}'"
            )
        if self.boundary == "zero" and self.kernel not in ("gaussian", "ddnm"):
            raise ValueError("boundary=zero needs a kernel that separates into rows and columns: gaussian or ddnm")

    def offers(self) -> frozenset[str]:
        """A valid convolution has no closed-form inverse."""
        return frozenset() if self.boundary == "valid" else frozenset({"exact-pinv", "svd"})

    def key(self) -> dict[str, Any]:
        """Content for keys: a file counts by its bytes."""
        values = as_dict(self)
        return {**values, "kernel": file_id(self.kernel)} if is_file(self.kernel) else values


DEBLUR = Task(
    name="deblur",
    target="benchhost_tasks.deblur:Deblur",
    params="benchhost_tasks.deblur_spec:DeblurParams",
    summary="undo blur with a known kernel",
    levels=(
        {"kernel": "gaussian", "std": 1.6, "sigma": 2.55},
        {"kernel": "motion", "sigma": 2.55},
        {"kernel": "motion", "sigma": 7.65},
    ),
    metrics=("psnr/255/clip_round", "ssim/wang", "consistency/l2"),
    datasets=("embedded-grey",),
    offers=frozenset({"linear", "adjoint", "pinv", "prox", "differentiable", "awgn", "sigma", "real", "bounded"}),
    citation="Zhang et al., Plug-and-play image restoration with deep denoiser prior, IEEE TPAMI 2021 (protocol)",
)
