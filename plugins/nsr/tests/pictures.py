"""A plugin with a generated training set: twelve pictures of edges, 64 x 64."""

from benchhost import Dataset, hookimpl
from benchhost.types import ItemRef


@hookimpl
def benchhost_datasets():
    refs = tuple(ItemRef(name=f"{i:02d}", file="", sha256="") for i in range(12))
    facts = {"title": "", "kind": "image", "channels": 1, "items": refs, "source": "generated"}
    yield Dataset(name="edges", digest="e1", role="train", reader="pictures:picture", **facts)


def picture(path, ref, rule):
    """Bars and a ramp whose direction is the picture's own, uint8 (144, 144)."""
    import numpy as np

    rows, columns = np.mgrid[:144, :144] / 143
    angle = int(ref.name)
    wave = np.sin(30 * (rows * np.cos(angle) + columns * np.sin(angle))) > 0
    return (40 + 100 * wave + 70 * rows).astype(np.uint8)
