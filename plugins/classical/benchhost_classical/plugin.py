"""The classical methods: what every table needs beside the learned ones.  Records only; no torch here."""

from collections.abc import Iterator

from benchhost.hookspecs import hookimpl
from benchhost.types import Method

PARAMS = "benchhost_classical.params"


def _frame() -> Iterator[Method]:
    """Baselines and controls."""
    yield Method(
        name="baseline",
        target="benchhost_classical.simple:Baseline",
        summary="what the task's papers call the input: bicubic, FBP, zero-filled, noisy or decoded image, A+ y",
        role="baseline",
    )
    yield Method(
        name="pinv",
        target="benchhost_classical.simple:PseudoInverse",
        summary="A+ y, the image of least norm that fits the measurement best",
        requires=frozenset({"pinv"}),
        role="baseline",
        citation="@article{penrose1955, author={Penrose, R.}, title={A generalized inverse for matrices}, "
        "journal={Math. Proc. Camb. Philos. Soc.}, volume={51}, year={1955}}",
    )
    yield Method(
        name="adjoint",
        target="benchhost_classical.simple:Adjoint",
        summary="A* y / |A|^2, one gradient step from zero",
        requires=frozenset({"adjoint"}),
        role="baseline",
    )
    yield Method(
        name="oracle",
        target="benchhost_classical.simple:Oracle",
        summary="the truth itself: the ceiling of every metric under the protocol's own rounding and cropping",
        role="control",
        sees_truth=True,
    )
    yield Method(
        name="noise",
        target="benchhost_classical.simple:Noise",
        params=f"{PARAMS}:NoiseParams",
        summary="white noise that ignores the measurement: the floor of every metric",
        role="control",
        stochastic=True,
    )


@hookimpl
def benchhost_methods() -> Iterator[Method]:
    """Baselines and controls, then the methods in the order of their age."""
    yield from _frame()
    yield Method(
        name="wiener",
        target="benchhost_classical.wiener:Wiener",
        params=f"{PARAMS}:WienerParams",
        summary="posterior mean under a Gaussian prior with the mean power spectrum of training images",
        requires=frozenset({"linear", "adjoint", "sigma", "awgn"}),
        training="prior",
        trained_on=("bsds500_train", "mri_t1_studyforrest", "ct_cranium"),
        quick={"iterations": 100},
        citation="@book{wiener1949, author={Wiener, N.}, title={Extrapolation, Interpolation, and Smoothing of "
        "Stationary Time Series}, publisher={MIT Press}, year={1949}}",
    )
    yield Method(
        name="tv",
        target="benchhost_classical.tv:Tv",
        params=f"{PARAMS}:TvParams",
        summary="isotropic total variation by a primal-dual method; joint over colour or complex channels",
        refuses="benchhost_classical.refusals:tv",
        trained_on=("bsds500_train", "mri_t1_studyforrest", "ct_cranium"),
        quick={"iterations": 200},
        citation="@article{rof1992, author={Rudin, L. I. and Osher, S. and Fatemi, E.}, title={Nonlinear total "
        "variation based noise removal algorithms}, journal={Physica D}, volume={60}, year={1992}}",
    )
    yield Method(
        name="bm3d",
        target="benchhost_classical.bm3d:Bm3d",
        params=f"{PARAMS}:Bm3dParams",
        summary="block matching and 3-D filtering by the authors' own package (pip install benchhost[bm3d])",
        requires=frozenset({"sigma"}),
        refuses="benchhost_classical.refusals:bm3d",
        quick={"profile": "lc", "stage": "hard"},
        citation="@article{bm3d2007, author={Dabov, K. and Foi, A. and Katkovnik, V. and Egiazarian, K.}, title={Image "
        "denoising by sparse 3-{D} transform-domain collaborative filtering}, journal={IEEE Trans. Image Process.}, "
        "volume={16}, year={2007}}",
        licence="the bm3d package: Tampere University, non-commercial",
    )
    yield Method(
        name="dct",
        target="benchhost_classical.dct:Dct",
        params=f"{PARAMS}:DctParams",
        summary="hard thresholding of the DCT of all overlapping patches",
        requires=frozenset({"sigma"}),
        refuses="benchhost_classical.refusals:dct",
        presets={"paper": {"patch": 16, "threshold": 3.0, "weights": "uniform"}},
        trained_on=("bsds500_train",),  # patch, threshold and weights were chosen on it
        citation="@article{yu2011, author={Yu, G. and Sapiro, G.}, title={{DCT} image denoising: a simple and "
        "effective image denoising algorithm}, journal={Image Processing On Line}, volume={1}, year={2011}}",
    )
