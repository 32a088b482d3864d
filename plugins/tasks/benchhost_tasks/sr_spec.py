"""Super-resolution: what it is, without torch."""

from dataclasses import dataclass
from typing import Literal

from benchhost.params import param
from benchhost.types import Task


@dataclass(frozen=True)
class SrParams:
    """MATLAB's antialiased bicubic downsampling of an image cropped to a multiple of the scale.

    The SRCNN protocol works on luma throughout: Y (studio range, rounded), then a float resize; its bicubic baseline
    gives the published tables.  The RGB protocol resizes colour images to 8-bit files and compares Y at the end;
    with ``boundary=replicate`` its measurements are the LR files that are on the net, to the last grey level.
    """

    scale: int = param(4, doc="downsampling factor", choices=(2, 3, 4, 8))
    protocol: Literal["srcnn", "rgb"] = param("srcnn", doc="srcnn: on luma, float; rgb: on colour, 8-bit LR images")
    boundary: Literal["symmetric", "replicate"] = param(
        "symmetric", doc="beyond the border: mirrored (MATLAB today) or repeated (MATLAB until about 2015)"
    )
    quantise: Literal["protocol", "none", "uint8", "uint8_per_pass"] = param(
        "protocol",
        doc="rounding of the LR image; per pass: after rows and after columns, as MATLAB does with 8-bit input; "
        "protocol: none for srcnn, uint8_per_pass for rgb",
    )
    sigma: float = param(0.0, doc="white Gaussian noise on the LR image, in grey levels", minimum=0, maximum=255)

    def __post_init__(self) -> None:
        if self.sigma and self.rounding == "uint8_per_pass":
            raise ValueError("noise comes after both passes of the resize; combine sigma with quantise=none or uint8")

    @property
    def rounding(self) -> str:
        """``quantise`` with "protocol" resolved."""
        if self.quantise != "protocol":
            return self.quantise
        return "none" if self.protocol == "srcnn" else "uint8_per_pass"

    def offers(self) -> frozenset[str]:
        """On luma every image is grey."""
        return frozenset({"grey"}) if self.protocol == "srcnn" else frozenset()

    def metrics(self) -> tuple[str, ...]:
        """Y with ``scale`` border pixels cut, by the protocol."""
        luma = "255/clip_round" if self.protocol == "srcnn" else "y_studio"
        similarity = "wang" if self.protocol == "srcnn" else "y_studio"
        return f"psnr/{luma}/shave{self.scale}", f"ssim/{similarity}/shave{self.scale}", "consistency/l2"

    def key(self) -> dict[str, object]:
        """Content for keys: the rounding that is done, whichever way it was asked for."""
        return {
            "scale": self.scale,
            "protocol": self.protocol,
            "boundary": self.boundary,
            "quantise": self.rounding,
            "sigma": self.sigma,
        }


SR = Task(
    name="sr",
    target="benchhost_tasks.sr:SuperResolution",
    params="benchhost_tasks.sr_spec:SrParams",
    summary="super-resolution of bicubically downsampled images",
    levels=({"scale": 2}, {"scale": 3}, {"scale": 4}),
    default_level=2,
    metrics=("psnr/255/clip_round/shave4", "ssim/wang/shave4", "consistency/l2"),
    datasets=("embedded-colour",),
    offers=frozenset(
        {"linear", "adjoint", "pinv", "exact-pinv", "svd", "prox", "differentiable", "awgn", "sigma", "real", "bounded"}
    ),
    citation="Dong et al., Learning a deep convolutional network for image super-resolution, ECCV 2014 (protocol)",
)
