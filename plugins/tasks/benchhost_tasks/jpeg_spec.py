"""JPEG artefact removal: what it is, without torch."""

from dataclasses import dataclass
from typing import Literal

from benchhost.params import param
from benchhost.types import Task


@dataclass(frozen=True)
class JpegParams:
    """Baseline JPEG by libjpeg's quality scale; the measurement is the decoded image."""

    quality: int = param(10, doc="libjpeg quality", minimum=1, maximum=100)
    colour: Literal["keep", "luma"] = param(
        "keep", doc="colour images: as they are, or their Y (MATLAB, studio range) as a grey image (DnCNN-3)"
    )
    subsampling: Literal["4:2:0", "4:4:4"] = param("4:2:0", doc="resolution of the chroma planes of colour images")

    def offers(self) -> frozenset[str]:
        """On luma every image is grey."""
        return frozenset({"grey"}) if self.colour == "luma" else frozenset()


JPEG = Task(
    name="jpeg",
    target="benchhost_tasks.jpeg:JpegRemoval",
    params="benchhost_tasks.jpeg_spec:JpegParams",
    summary="remove the artefacts of JPEG compression",
    levels=({"quality": 10}, {"quality": 20}, {"quality": 30}, {"quality": 40}),
    metrics=("psnr/255/clip_round", "ssim/wang", "psnr_b/255"),
    datasets=("embedded-grey",),
    offers=frozenset({"real", "bounded"}),
    citation="Dong et al., Compression artifacts reduction by a deep convolutional network, ICCV 2015 (protocol)",
)
