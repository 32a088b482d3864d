"""How the suites of the tasks pose a problem and score an estimate: through the catalogue, as the runner does."""

import numpy as np
import pytest

from benchhost import params as P
from benchhost import plan, plugins
from benchhost.data import read_item
from benchhost.seeds import Seeds
from benchhost.types import Item


@pytest.fixture(scope="session")
def catalogue():
    return plugins.load()


@pytest.fixture(scope="session")
def pose(catalogue):
    """``pose("cs", image or item, ratio=0.1)`` -> Posed."""

    def pose(task, image, *, repeat=0, **values):
        spec = catalogue.task(task)
        params = P.build(plugins.resolve(spec.params), values, owner=f"task '{task}'")
        item = image if isinstance(image, Item) else Item(dataset="made", name="up", kind="image", array=image)
        seeds = Seeds(task=task, dataset=item.dataset, image=item.name, repeat=repeat)
        return plugins.resolve(spec.target)(params).pose(item, seeds)

    return pose


@pytest.fixture(scope="session")
def score(catalogue):
    """``score("psnr/255/clip", view)`` -> float."""

    def score(id, view):
        metric = catalogue.metric(id)
        return plugins.resolve(metric.target)(view, **metric.options)

    return score


@pytest.fixture(scope="session")
def published(catalogue, pose, score):
    """Means of a task's baseline over the items of a set: ``published("sr", items, scale=2)`` -> {metric id: mean}."""

    def published(task, items, metrics=None, **values):
        spec = catalogue.task(task)
        params = P.build(plugins.resolve(spec.params), values, owner=task)
        ids = metrics or [id for id in plan.task_metrics(spec, params) if not id.startswith("consistency")]
        rows = []
        for item in items:
            posed = pose(task, item, **values)
            view = posed.view(posed.physics.baseline(posed.y))
            rows.append([score(id, view) for id in ids])
        return dict(zip(ids, np.mean(rows, 0), strict=True))

    return published


@pytest.fixture
def items(shared_data, catalogue, monkeypatch):
    """``items("set5", 2)``: the first two images of a standard test set; skips where the sets are absent."""
    monkeypatch.setenv("BENCHHOST_DATA", str(shared_data))

    def items(name, limit=None):
        dataset = catalogue.dataset(name)
        return [read_item(dataset, ref) for ref in dataset.items[:limit]]

    return items


@pytest.fixture(scope="session")
def picture():
    """``picture(height, width, channels)``: a smooth uint8 image with an edge, the same every time."""

    def picture(height, width, channels=1):
        i, j = np.mgrid[:height, :width]
        planes = [120 + 60 * np.sin(i / 5 + c) + 50 * np.cos(j / 4) + 20 * (j > width // 2) for c in range(channels)]
        image = np.clip(np.stack(planes, -1), 0, 255).astype(np.uint8)
        return image[..., 0] if channels == 1 else image

    return picture
