"""What this plugin offers: the diffusion prior's training, and DDNM and DDNM+, which sample with it."""

from collections.abc import Iterator

from benchhost import Method, Training, hookimpl
from benchhost.types import Weights

# The prior that samplers use unless told otherwise.  The checksum is that of the file; "" while none is shipped.
PRIOR = Weights(
    file="benchhost.priors:prior-grey.safetensors",
    sha256="0afaddd81441fcc8be77fac4acb2b96f5ad8e0fab9c08a8d7a5192849b302238",
)

PAPER = (
    "@inproceedings{ddnm2023, author={Wang, Yinhuai and Yu, Jiwen and Zhang, Jian}, title={Zero-Shot Image Restoration "
    "Using Denoising Diffusion Null-Space Model}, booktitle={ICLR}, year={2023}}"
)

HO = (
    "@inproceedings{ddpm2020, author={Ho, Jonathan and Jain, Ajay and Abbeel, Pieter}, title={Denoising Diffusion "
    "Probabilistic Models}, booktitle={NeurIPS}, year={2020}}"
)


@hookimpl
def benchhost_trainings() -> Iterator[Training]:
    """The prior, grey or colour."""
    yield Training(
        name="prior",
        target="benchhost_ddnm.prior:Prior",
        params="benchhost_ddnm.params:PriorParams",
        dataset="bsds500_train",
        summary="a diffusion prior for natural images: noise prediction, linear beta from 1e-4 to 0.02 over 1000 steps",
        settings={"crops": ("64x16", "64x16", "64x16", "128x4"), "rate": 6e-4, "warmup": 300, "decay": 0.15},
    )


@hookimpl
def benchhost_methods() -> Iterator[Method]:
    """The prior as a denoiser, DDNM for exact measurements, DDNM+ for noisy ones."""
    shared = {
        "training": "prior",
        "trained_on": ("bsds500_train",),
        "weights": (PRIOR,),
        "stochastic": True,
        "quick": {"steps": 5},
        "citation": PAPER,
    }
    yield Method(
        name="denoiser",
        target="benchhost_ddnm.denoiser:PriorDenoiser",
        params="benchhost_ddnm.params:DenoiserParams",
        summary="one evaluation of the diffusion prior at the noise level of the image; colour channel by channel",
        requires=frozenset({"sigma", "awgn"}),
        refuses="benchhost_ddnm.refusals:denoiser",
        **{**shared, "stochastic": False, "quick": {}, "citation": HO},
    )
    yield Method(
        name="ddnm",
        target="benchhost_ddnm.method:Ddnm",
        params="benchhost_ddnm.params:DdnmParams",
        summary="DDNM: diffusion sampling that keeps A x = y at every step; colour channel by channel",
        requires=frozenset({"linear", "pinv"}),
        refuses="benchhost_ddnm.refusals:ddnm",
        **shared,
    )
    yield Method(
        name="ddnm_plus",
        target="benchhost_ddnm.method:DdnmPlus",
        params="benchhost_ddnm.params:DdnmPlusParams",
        summary="DDNM+: DDNM that counts the measurement's noise as noise of its steps; DDNM where there is none",
        requires=frozenset({"linear", "pinv", "sigma", "awgn"}),
        refuses="benchhost_ddnm.refusals:ddnm_plus",
        **shared,
    )
