"""What this plugin offers: RIM and its trainings."""

from collections.abc import Iterator

from benchhost import Method, Training, Weights, hookimpl
from benchhost_rim.shipped import SHIPPED


@hookimpl
def benchhost_methods() -> Iterator[Method]:
    """RIM: one network for all linear tasks, another for complex MRI images."""
    yield Method(
        name="rim",
        target="benchhost_rim.method:RimMethod",
        params="benchhost_rim.params:RimParams",
        summary="recurrent inference machine: a learned recurrent ascent of the likelihood",
        requires=frozenset({"linear", "adjoint", "pinv", "awgn", "sigma"}),
        refuses="benchhost_rim.shipped:refuses",
        training="supervised",
        trained_on=("bsds500_train", "mri_t1_studyforrest"),
        weights=tuple(Weights(file=shipped.file, sha256=shipped.sha256) for shipped in SHIPPED),
        citation="Putzky and Welling: Recurrent Inference Machines for Solving Inverse Problems. arXiv:1706.04008",
    )


@hookimpl
def benchhost_trainings() -> Iterator[Training]:
    """One network for all linear tasks, or for those given with --task; one for complex MRI images."""
    yield Training(
        name="rim",
        target="benchhost_rim.training:RimTraining",
        params="benchhost_rim.params:RimTrainingParams",
        dataset="bsds500_train",
        summary="recurrent inference machine for all linear tasks and noise levels",
        settings={"crops": ("64x8",), "rate": 1e-3, "warmup": 200, "decay": 0.8, "ema": 0.999},
    )
    yield Training(
        name="rim-mri",
        target="benchhost_rim.training:RimMriTraining",
        params="benchhost_rim.params:RimMriTrainingParams",
        dataset="mri_t1_studyforrest",
        summary="recurrent inference machine for complex MRI images, one coil or several",
        settings={"crops": ("96x4",), "rate": 1e-3, "warmup": 200, "decay": 0.8, "ema": 0.999},
    )
