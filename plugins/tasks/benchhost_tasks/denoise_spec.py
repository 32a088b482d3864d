"""Denoising: what it is, without torch."""

from dataclasses import dataclass
from typing import Literal

from benchhost.params import param
from benchhost.types import Task


@dataclass(frozen=True)
class DenoiseParams:
    """White Gaussian noise on an 8-bit image, neither clipped nor rounded unless asked for."""

    sigma: float = param(25.0, doc="standard deviation of the noise in grey levels of 0..255", minimum=0, maximum=255)
    clip: bool = param(False, doc="clip the noisy image to 0..255 (the DIP paper)")
    quantise: bool = param(False, doc="clip and round the noisy image to 8 bits (FDnCNN's clip models)")
    stream: Literal["seeds", "kair"] = param(
        "seeds", doc="noise numbers: keyed by image, or KAIR's, which begin anew at seed 0 for every image"
    )

    def offers(self) -> frozenset[str]:
        """Clipped noise is not Gaussian any more."""
        return frozenset() if self.clip or self.quantise else frozenset({"awgn"})


DENOISE = Task(
    name="denoise",
    target="benchhost_tasks.denoise:Denoise",
    params="benchhost_tasks.denoise_spec:DenoiseParams",
    summary="remove white Gaussian noise of known level",
    levels=({"sigma": 15.0}, {"sigma": 25.0}, {"sigma": 50.0}),
    default_level=1,
    metrics=("psnr/255/clip_round", "ssim/wang", "consistency/l2"),
    datasets=("embedded-grey",),
    offers=frozenset(
        {"linear", "adjoint", "pinv", "exact-pinv", "svd", "prox", "differentiable", "sigma", "real", "bounded"}
    ),
    citation="Zhang et al., Beyond a Gaussian denoiser, IEEE TIP 2017 (protocol)",
)
