"""Sparse-view CT: what it is, without torch."""

from dataclasses import dataclass
from typing import Any, Literal

from benchhost.params import as_dict, param
from benchhost.types import Task

ANGLES_OF_LODOPAB = 1000


@dataclass(frozen=True)
class CtParams:
    """Parallel beams round a slice.

    LoDoPaB-CT: views=50 (a divisor of 1000), angles=lodopab, bins=513, det_pitch=0.998, noise=poisson,
    simulate_size=1000, on slices of 362 x 362 pixels.
    """

    views: int = param(60, doc="number of views", minimum=1, maximum=2000)
    angles: Literal["linspace", "centred", "lodopab"] = param(
        "linspace",
        doc="linspace: k arc/V; centred: (k + 1/2) arc/V; lodopab: every (1000/V)-th of 1000 centred angles",
    )
    arc: float = param(180.0, doc="degrees over which the views are spread", minimum=1, maximum=360)
    bins: int | None = param(None, doc="detector bins; none: the diagonal of the image, rounded up", minimum=1)
    det_pitch: float = param(1.0, doc="width of a detector bin in pixels", minimum=0.1, maximum=10)
    noise: Literal["none", "gaussian", "poisson"] = param(
        "none", doc="gaussian: white; poisson: photon counts and logarithm (LoDoPaB-CT)"
    )
    sigma: float = param(
        0.01, doc="gaussian: standard deviation relative to the largest clean value", minimum=0, maximum=1
    )
    photons: float = param(4096.0, doc="poisson: photons per bin without object", minimum=1)
    field_of_view: float = param(
        0.26, doc="poisson: metres of the image's longer side, which decide how much is absorbed", minimum=0.001
    )
    simulate_size: int | None = param(
        None,
        doc="measure on a finer grid with this many pixels on the longer side, so that reconstruction does not "
        "invert its own discretisation; none: the image's own grid",
        minimum=8,
        maximum=4096,
    )
    pinv_iterations: int = param(20, doc="CGLS steps of the pseudo-inverse", minimum=1)

    def __post_init__(self) -> None:
        if self.angles == "lodopab":
            if self.arc != 180:
                raise ValueError(f"LoDoPaB's views lie on 180 degrees, not {self.arc:g}")
            if ANGLES_OF_LODOPAB % self.views:
                divisors = [v for v in range(1, ANGLES_OF_LODOPAB + 1) if ANGLES_OF_LODOPAB % v == 0]
                near = min(divisors, key=lambda v: abs(v - self.views))
                raise ValueError(f"LoDoPaB's 1000 views cannot be thinned to {self.views}; {near} is possible")

    def offers(self) -> frozenset[str]:
        """Photon counts are neither white nor Gaussian after the logarithm, and no single level describes them."""
        return frozenset() if self.noise == "poisson" else frozenset({"awgn", "sigma"})

    def key(self) -> dict[str, Any]:
        """Content for keys: the parameters of the noise that is there."""
        values = as_dict(self)
        unused = {
            "none": ("sigma", "photons", "field_of_view"),
            "gaussian": ("photons", "field_of_view"),
            "poisson": ("sigma",),
        }
        return {name: value for name, value in values.items() if name not in unused[self.noise]}


CT = Task(
    name="ct",
    target="benchhost_tasks.ct:Ct",
    params="benchhost_tasks.ct_spec:CtParams",
    summary="sparse-view computed tomography with parallel beams",
    levels=({"views": 20}, {"views": 30}, {"views": 60}, {"views": 90}),
    default_level=2,
    metrics=("psnr/gtrange", "ssim/sk7/gtrange", "psnr/1", "consistency/l2"),
    datasets=("embedded-ct",),
    kinds=frozenset({"ct"}),
    offers=frozenset({"linear", "adjoint", "pinv", "prox", "differentiable", "real", "grey", "bounded"}),
    citation="Leuschner et al., LoDoPaB-CT, Scientific Data 8, 2021 (noise, normalisation, metrics)",
)
