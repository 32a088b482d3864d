"""Image strips of a run: truth, what the method was given, and every reconstruction of one image, side by side."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost import params as P
from benchhost.config import RunConfig
from benchhost.keys import canonical
from benchhost.plan import Cell, Plan, find_item, make_plan
from benchhost.plugins import Catalogue, resolve_for
from benchhost.seeds import Seeds
from benchhost.selection import Ask

if TYPE_CHECKING:
    import numpy as np

    from benchhost.report import Results

MOST_STRIPS = 24


def strips(
    plan: Plan,
    results: Results,
    catalogue: Catalogue,
    folder: Path,
    *,
    crop: tuple[int, int, int, int] | None = None,
    width: float | None = None,
) -> list[Path]:
    """Draw one strip per (task level, dataset), of its first image; at most MOST_STRIPS of them.  Returns the files.

    crop: top row, left column, height and width of the part that is enlarged; by default where methods differ most.
    width: of the figure in inches.
    """
    from benchhost.report.figures import image_strip

    values = _primary_values(results)
    groups: dict[tuple[str, str, str], list[Cell]] = {}
    for cell in plan.cells:
        if cell.repeat == 0:
            groups.setdefault((cell.task, cell.level, cell.dataset), []).append(cell)
    written: list[Path] = []
    for (task, level, dataset), cells in list(groups.items())[:MOST_STRIPS]:
        mine = [cell for cell in cells if cell.image == cells[0].image]
        tiles = _tiles(mine, plan, catalogue, values, Path(results.run["results"]))
        if len(tiles) > 2:
            name = re.sub(r"[^A-Za-z0-9.=_-]+", "_", f"strip-{task}-{level}-{dataset}-{cells[0].image}")
            size = {"width": width} if width else {}
            written += image_strip(tiles, folder / name, crop=crop, errors=True, **size)
    return written


def plan_of(results: Results, catalogue: Catalogue) -> Plan:
    """The plan of a past run, from the configuration that its record holds; cells keep the keys they had then.

    Keys hold digests of code and weights: a later version of a method would look for other files.
    """
    stored = dict(results.run["config"])
    for name in ("tasks", "methods"):
        stored[name] = tuple(Ask(**ask) for ask in stored[name])
    for name in ("datasets", "metrics", "plugins"):
        stored[name] = tuple(stored[name])
    plan = make_plan(RunConfig(**stored), catalogue)
    columns = ["task", "level", "dataset", "image", "repeat", "method_label"]
    rows = results.frame.drop_duplicates("key")
    known = dict(zip(rows[columns].itertuples(index=False, name=None), rows["key"], strict=True))
    cells = [
        replace(cell, key=known.get(tuple(getattr(cell, name) for name in columns), cell.key)) for cell in plan.cells
    ]
    return replace(plan, cells=type(plan.cells)(cells))


def _primary_values(results: Results) -> dict[str, str]:
    frame = results.frame
    rows = frame[frame["primary"].astype(bool) & frame["value"].notna()]
    return {
        key: f"{value:.2f} {unit}".strip()
        for key, value, unit in zip(rows["key"], rows["value"], rows["unit"], strict=True)
    }


def _tiles(cells: list[Cell], plan: Plan, catalogue: Catalogue, values: dict[str, str], folder: Path) -> list[Any]:
    """Truth, measurement and estimates of one image, as the task's own view shows them."""
    import torch

    from benchhost.report.figures import Tile
    from benchhost.store.artifacts import artifact_path, read_estimate

    first = cells[0]
    posed = pose(first, plan, catalogue)
    device = posed.y.device
    tiles = [Tile(title="truth", array=posed.view(posed.truth).truth, caption="")]
    with torch.no_grad():
        start = posed.physics.baseline(posed.y)
    tiles.append(Tile(title="measured", array=posed.view(start).estimate, caption=f"{first.task} {first.level}"))
    for cell in cells:
        if catalogue.method(cell.method).role == "control":
            continue  # the truth stands at the left already
        if cell.key in values and (folder / artifact_path(cell.key)).exists():
            estimate = read_estimate(folder, cell.key).to(device)
            tiles.append(
                Tile(title=cell.method_label, array=_first(posed.view(estimate).estimate), caption=values[cell.key])
            )
    return [Tile(title=t.title, array=_first(t.array), caption=t.caption) for t in tiles]


def _first(array: np.ndarray) -> np.ndarray:
    """The middle slice of a volume, else the image itself."""
    return array[len(array) // 2] if array.ndim == 3 and array.shape[-1] != 3 else array


def pose(cell: Cell, plan: Plan, catalogue: Catalogue) -> Any:
    """The posed problem of a cell, made again from its content."""
    from benchhost.data import read_item

    task = catalogue.task(cell.task)
    params = next(chosen.params for chosen in plan.tasks if chosen.values is cell.task_params)
    dataset = plan.datasets[cell.dataset]
    item = read_item(dataset, find_item(dataset, cell.image))
    seeds = Seeds(
        task=f"{task.name}@{task.version}:{canonical(P.content(params))}",
        dataset=cell.dataset,
        image=cell.image,
        repeat=cell.repeat,
        base=cell.seed,
    )
    return resolve_for(task)(params).pose(item, seeds)
