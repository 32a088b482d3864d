"""Block compressed sensing: what it is, without torch."""

from dataclasses import dataclass
from math import ceil
from typing import Any, Literal

from benchhost.params import as_dict, param
from benchhost.types import Task
from benchhost_tasks.artefacts import SUFFIXES, file_id, is_file

# ReconNet's rows for blocks of 33 x 33: 1 % and 4 % are cut, 10 % to 50 % rounded, so that only a table has them.
ROWS_33 = {0.01: 10, 0.04: 43, 0.1: 109, 0.25: 272, 0.3: 327, 0.4: 436, 0.5: 545}


@dataclass(frozen=True)
class CsParams:
    """Every block measured with one matrix of orthonormal rows; the canvas is padded with zeros to whole blocks."""

    ratio: float = param(0.25, doc="measurements per pixel", minimum=0.001, maximum=1)
    operator: Literal["block", "scrambled"] = param(
        "block", doc="blocks of the image, or of the image with all its pixels permuted (whole-image sensing)"
    )
    block: int = param(
        33, doc="side of a block in pixels: 33 (ReconNet, ISTA-Net) or 32 (DDNM, IDM)", minimum=2, maximum=64
    )
    matrix: str = param("gaussian", doc="gaussian: seeded, orthonormal rows; or a .mat or .npy file with the matrix")
    matrix_seed: int = param(0, doc="seed of the Gaussian matrix", minimum=0)
    padding: Literal["mod", "ista"] = param(
        "mod", doc="to whole blocks; ista: adds a whole block where the size divides already"
    )
    colour: Literal["luma", "keep"] = param("luma", doc="colour images: full-range Y, or every channel by itself")
    sigma: float = param(0.0, doc="white Gaussian noise on the measurements, in grey levels", minimum=0, maximum=255)

    def __post_init__(self) -> None:
        if self.matrix != "gaussian" and not is_file(self.matrix):
            raise ValueError(f"matrix must be 'gaussian' or a file ({', '.join(SUFFIXES)}), got '{self.matrix}'")

    @property
    def rows(self) -> int:
        """Measurements per block: the table for blocks of 33, else ceil(ratio * block^2)."""
        if self.block == 33 and self.ratio in ROWS_33:
            return ROWS_33[self.ratio]
        # Not above the product by rounding error alone: 0.3 * 100 must not become 31.
        return ceil(round(self.ratio * self.block**2, 9))

    def offers(self) -> frozenset[str]:
        """On luma every image is grey."""
        return frozenset({"grey"}) if self.colour == "luma" else frozenset()

    def key(self) -> dict[str, Any]:
        """Content for keys: a file counts by its bytes, and then the seed does not count."""
        values = as_dict(self)
        if is_file(self.matrix):
            values["matrix"] = file_id(self.matrix)
            del values["matrix_seed"]
        return values


CS = Task(
    name="cs",
    target="benchhost_tasks.cs:BlockSensing",
    params="benchhost_tasks.cs_spec:CsParams",
    summary="block compressed sensing with a matrix of orthonormal rows",
    levels=tuple({"ratio": ratio} for ratio in ROWS_33),
    default_level=3,
    metrics=("psnr/255/clip", "ssim/sk7", "consistency/l2"),
    datasets=("embedded-grey",),
    offers=frozenset(
        {"linear", "adjoint", "pinv", "exact-pinv", "svd", "prox", "differentiable", "awgn", "sigma", "real", "bounded"}
    ),
    citation="Zhang and Ghanem, ISTA-Net, CVPR 2018 (protocol)",
)
