"""What this plugin offers: the training of NSR."""

from collections.abc import Iterator

from benchhost import Training, hookimpl


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
