"""What this plugin offers: the training of the diffusion prior."""

from collections.abc import Iterator

from benchhost import Training, hookimpl


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
