"""What this plugin offers: IDM and its training."""

from collections.abc import Iterator

from benchhost import Method, Training, Weights, hookimpl
from benchhost_idm.shipped import SHIPPED


@hookimpl
def benchhost_methods() -> Iterator[Method]:
    """IDM, with one network for everything and specialists where they gain."""
    yield Method(
        name="idm",
        target="benchhost_idm.method:IdmMethod",
        params="benchhost_idm.params:IdmParams",
        summary="invertible diffusion model: three DDNM steps from A+y, fine-tuned end to end",
        requires=frozenset({"linear", "adjoint", "pinv", "awgn", "sigma"}),
        refuses="benchhost_idm.shipped:refuses",
        training="supervised",
        trained_on=("bsds500_train", "mri_t1_studyforrest"),
        weights=tuple(Weights(file=shipped.file, sha256=shipped.sha256) for shipped in SHIPPED),
        citation="Bin Chen et al.: Invertible Diffusion Models for Compressed Sensing. IEEE TPAMI 2025",
    )


@hookimpl
def benchhost_trainings() -> Iterator[Training]:
    """One network for all tasks, or for those given with --task."""
    yield Training(
        name="idm",
        target="benchhost_idm.training:IdmTraining",
        params="benchhost_idm.params:IdmTrainingParams",
        dataset="bsds500_train",
        version=2,  # 2: shares of the tasks, noise of CT
        summary="invertible diffusion model: DDNM steps from the diffusion prior, fine-tuned end to end",
        settings={"crops": ("64x8", "64x8", "64x8", "128x4"), "rate": 4e-4, "warmup": 100, "decay": 0.7, "ema": 0.999},
    )
