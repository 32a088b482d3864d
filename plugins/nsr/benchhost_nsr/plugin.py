"""What this plugin offers: NSR and its training."""

from collections.abc import Iterator

from benchhost import Method, Training, Weights, hookimpl
from benchhost_nsr.shipped import SHIPPED


@hookimpl
def benchhost_methods() -> Iterator[Method]:
    """NSR, with a network for each task of the paper and one for the linear measurements of our extension."""
    yield Method(
        name="nsr",
        target="benchhost_nsr.method:NsrMethod",
        params="benchhost_nsr.params:NsrParams",
        summary="neural sparse representation: one pass of a network with sparsity groups (cs, mri, ct: our extension)",
        refuses="benchhost_nsr.shipped:refuses",
        training="supervised",
        trained_on=("bsds500_train",),
        weights=tuple(Weights(file=shipped.file, sha256=shipped.sha256) for shipped in SHIPPED),
        citation="Fan et al.: Neural Sparse Representation for Image Restoration. NeurIPS 2020",
    )


@hookimpl
def benchhost_trainings() -> Iterator[Training]:
    """One network for denoise, jpeg, sr at a scale, or restore: --task says which."""
    yield Training(
        name="nsr",
        target="benchhost_nsr.training:NsrTraining",
        params="benchhost_nsr.params:NsrTrainingParams",
        dataset="bsds500_train",
        summary="neural sparse representation: kernels of k groups mixed by softmax gates, L1",
        settings={"crops": ("48x16",), "rate": 1e-3, "warmup": 200, "decay": 0.7, "optimizer": "adam", "ema": 0.999},
    )
