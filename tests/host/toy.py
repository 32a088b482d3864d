"""A catalogue without heavy parts: tasks, methods and datasets for tests of planning and the host."""

from dataclasses import dataclass

from benchhost.params import param
from benchhost.plugins import Catalogue, PluginInfo
from benchhost.types import Dataset, ItemRef, Method, Metric, Task

METRIC = Metric(
    id="psnr/255/clip", target="benchhost.metrics.psnr:psnr", summary="PSNR", higher_is_better=True, unit="dB"
)


@dataclass(frozen=True)
class CsParams:
    ratio: float = param(0.25, doc="rows / columns", minimum=0.001, maximum=1.0)
    operator: str = param("block", doc="which", choices=("block", "scrambled"))
    sigma: float = param(0.0, doc="noise", minimum=0.0)


@dataclass(frozen=True)
class DipParams:
    iterations: int = param(1000, doc="steps", minimum=1)
    width: int | None = param(None, doc="channels")


def make_catalogue(images: int = 3) -> Catalogue:
    here = f"{__name__}"
    catalogue = Catalogue()
    owner = PluginInfo(name="toy", module="toy", distribution="toy")

    def add(kind: str, name: str, spec: object) -> None:
        catalogue._add(kind, name, spec, owner)

    levels = ({"ratio": 0.1}, {"ratio": 0.25}, {"ratio": 0.5})
    linear = frozenset({"linear", "pinv", "real"})
    for task in (
        Task(
            name="cs",
            target="benchhost.types:Task",
            params=f"{here}:CsParams",
            summary="CS",
            levels=levels,
            default_level=1,
            metrics=("psnr/255/clip",),
            datasets=("tiny",),
            offers=linear,
        ),
        Task(
            name="jpeg",
            target="benchhost.types:Task",
            summary="JPEG",
            levels=({},),
            metrics=("psnr/255/clip",),
            datasets=("tiny",),
            offers=frozenset({"real"}),
        ),
    ):
        add("tasks", task.name, task)
    dip = Method(
        name="dip",
        target="benchhost.types:Method",
        params=f"{here}:DipParams",
        summary="DIP",
        presets={"paper": {"iterations": 3000}, "fast": {"iterations": 600}},
        default_preset={"cpu": "fast", "cuda": "paper"},
    )
    pinv = Method(name="pinv", target="benchhost.types:Method", summary="pseudo-inverse", requires=frozenset({"pinv"}))
    for method in (dip, pinv):
        add("methods", method.name, method)
    items = tuple(ItemRef(name=f"i{k}", file=f"i{k}.png", sha256=f"{k:064x}") for k in range(images))
    reader = "benchhost.types:Item"
    for name, kind, role in (("tiny", "image", "test"), ("brain", "mri", "test"), ("train", "image", "train")):
        dataset = Dataset(
            name=name, title=name, kind=kind, channels=1, items=items, reader=reader, digest="d", role=role
        )
        add("datasets", name, dataset)
    add("metrics", METRIC.id, METRIC)
    return catalogue
