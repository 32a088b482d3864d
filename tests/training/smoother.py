"""A plugin with everything a training needs, small enough for tests: a linear denoiser and twelve generated images."""

from benchhost import Dataset, Training, hookimpl
from benchhost.types import ItemRef


@hookimpl
def benchhost_datasets():
    refs = tuple(ItemRef(name=f"{i:02d}", file="", sha256="") for i in range(12))
    facts = {"title": "", "kind": "image", "channels": 1, "items": refs, "reader": "smoother:picture"}
    yield Dataset(name="waves", digest="d1", role="train", source="generated", **facts)
    yield Dataset(name="exam", digest="d2", role="test", source="generated", **facts)


@hookimpl
def benchhost_trainings():
    settings = {"crops": ("8x4", "16x1"), "warmup": 2, "held_out": 3, "rate": 0.01, "precision": "fp32", "decay": 0.25}
    yield Training(
        name="smoother", target="smoother:Smoother", summary="a linear denoiser", dataset="waves", settings=settings
    )


def picture(path, ref, rule):
    """Stripes of a frequency and direction of their own, uint8 (24, 32)."""
    import numpy as np

    rows, columns = np.mgrid[:24, :32]
    number = int(ref.name)
    return (127 + 100 * np.sin(rows * (0.1 + 0.05 * number) + columns * 0.3 / (1 + number))).astype(np.uint8)


class Smoother:
    """3 x 3 convolution, dropout, 3 x 3 convolution: the dropout draws from torch's default generator."""

    def __init__(self, params):
        pass

    def network(self):
        from torch import nn

        return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Dropout(0.1), nn.Conv2d(4, 1, 3, padding=1))

    def prepare(self, item):
        return item.array[None]

    def loss(self, network, batch, rng):
        import torch

        return (network(batch + 0.2 * torch.randn(batch.shape, generator=rng)) - batch).square().mean()

    def validate(self, network, images):
        return {"mse": sum(float((network(image) - image).square().mean()) for image in images) / len(images)}

    def facts(self):
        return {"layers": 2}
