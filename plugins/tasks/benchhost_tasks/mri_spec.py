"""Accelerated MRI: what it is, without torch."""

from dataclasses import dataclass
from typing import Any, Literal

from benchhost.errors import unknown
from benchhost.params import param
from benchhost.types import Task
from benchhost_tasks.artefacts import SUFFIXES, file_id, is_file

COLUMN_MASKS = ("random", "equispaced", "equispaced_fraction", "magic", "magic_fraction")
POINT_MASKS = ("radial", "variable")
CENTER_FRACTIONS = {4: 0.08, 8: 0.04}


@dataclass(frozen=True)
class MriParams:
    """Cartesian k-space, undersampled: fastMRI's columns of complex images, or ISTA-Net's points of real ones."""

    protocol: Literal["fastmri", "ista"] = param(
        "fastmri",
        doc="fastmri: complex image, centred transform, columns, volume metrics; ista: real image, DC in the corner, "
        "points, PSNR over 0..255",
    )
    acceleration: int = param(4, doc="columns over sampled columns, as asked for (fastmri)", minimum=2, maximum=64)
    center_fraction: float | None = param(
        None, doc="share of columns always sampled; none: 0.08 at 4x, 0.04 at 8x", minimum=0.001, maximum=0.9
    )
    mask: str | None = param(
        None,
        doc="fastmri: random (default), equispaced, equispaced_fraction, magic, magic_fraction; ista: radial "
        "(default), variable; or a .mat or .npy file of the image's size, DC in the centre (fastmri) or corner (ista)",
    )
    ratio: float = param(0.3, doc="share of points sampled by a generated mask (ista)", minimum=0.01, maximum=1)
    coils: int = param(
        1, doc="receiver coils: 1, more (simulated), or 0: those of a multi-coil volume", minimum=0, maximum=64
    )
    phase: Literal["smooth", "none"] = param("smooth", doc="phase given to magnitude images (fastmri)")
    sigma: float = param(
        0.0,
        doc="noise on the real and on the imaginary part of each sample; the image's peak is 1 and the transform "
        "orthonormal",
        minimum=0,
        maximum=10,
    )
    pinv_iterations: int = param(20, doc="steps of CG-SENSE, the pseudo-inverse of several coils", minimum=1)

    def __post_init__(self) -> None:
        known = COLUMN_MASKS if self.protocol == "fastmri" else POINT_MASKS
        if self.mask is not None and not is_file(self.mask) and self.mask not in known:
            where = f"protocol {self.protocol} (or a file: {', '.join(SUFFIXES)})"
            raise ValueError(str(unknown("mask", self.mask, known, where=where)))
        if self.protocol == "ista" and self.coils != 1:
            raise ValueError(f"protocol ista has one coil, not {self.coils}")

    @property
    def sampling(self) -> str:
        """Name or file of the mask."""
        return self.mask or ("random" if self.protocol == "fastmri" else "radial")

    @property
    def center(self) -> float:
        """Share of columns always sampled: fastMRI's pairs, and their product elsewhere."""
        return self.center_fraction or CENTER_FRACTIONS.get(self.acceleration, 0.32 / self.acceleration)

    def metrics(self) -> tuple[str, ...]:
        """FastMRI scores volumes, ISTA-Net images of 0..255."""
        if self.protocol == "ista":
            return ("psnr/255/clip", "ssim/sk7", "consistency/l2")
        return MRI.metrics

    def offers(self) -> frozenset[str]:
        """One coil has everything in closed form; only ISTA-Net's images are real."""
        closed = frozenset({"exact-pinv", "svd"}) if self.coils == 1 else frozenset()
        return closed | (frozenset({"real", "grey", "bounded"}) if self.protocol == "ista" else frozenset())

    def key(self) -> dict[str, Any]:
        """Content for keys: what the protocol uses; a mask file counts by its bytes."""
        values: dict[str, Any] = {"protocol": self.protocol, "sigma": self.sigma}
        values["mask"] = file_id(self.mask) if self.mask and is_file(self.mask) else self.sampling
        if self.sampling in COLUMN_MASKS:
            values |= {"acceleration": self.acceleration, "center_fraction": self.center}
        if self.sampling in POINT_MASKS:
            values["ratio"] = self.ratio
        if self.protocol == "fastmri":
            values |= {"coils": self.coils, "phase": self.phase}
        if self.coils != 1:
            values["pinv_iterations"] = self.pinv_iterations
        return values


MRI = Task(
    name="mri",
    target="benchhost_tasks.mri:Mri",
    params="benchhost_tasks.mri_spec:MriParams",
    summary="accelerated MRI from undersampled Cartesian k-space, one coil or several",
    levels=({"acceleration": 4}, {"acceleration": 8}),
    metrics=("psnr/volmax", "ssim/sk7/volmax", "nmse/volume", "consistency/l2"),
    datasets=("embedded-mri",),
    kinds=frozenset({"mri", "kspace"}),
    offers=frozenset({"linear", "adjoint", "pinv", "prox", "differentiable", "awgn", "sigma"}),
    citation="Zbontar et al., fastMRI, arXiv:1811.08839; Zhang and Ghanem, ISTA-Net, CVPR 2018 (protocols)",
)
