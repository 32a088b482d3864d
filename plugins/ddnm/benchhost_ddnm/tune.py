"""``python -m benchhost_ddnm.tune``: T and eta of the samplers on validation images, as a table to choose defaults by.

For each task the problem is posed on centre crops of images that the prior's training held out (the last 20 by name of
``bsds500_train``; never a test set) and solved on a grid of T and eta.  Images, crops, noise and seeds are fixed, so
that the command prints the same table again as long as the prior is the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import click
import numpy as np
import torch

from benchhost import params as P
from benchhost.data import read_item
from benchhost.data.readers import rgb2gray
from benchhost.errors import UsageError
from benchhost.plugins import Catalogue, load, resolve
from benchhost.seeds import Seeds
from benchhost.testing.problems import problem_of
from benchhost.types import Item, Problem

DATASET, HELD_OUT = "bsds500_train", 20


@dataclass(frozen=True, kw_only=True)
class Case:
    """One validation image measured; ``score`` gives the task's primary metric of an estimate."""

    problem: Problem
    score: Callable[[torch.Tensor], float]


def cases(catalogue: Catalogue, text: str, images: int, size: int) -> Iterator[Case]:
    """``images`` problems of a task (``cs:ratio=0.1``), spread over the held-out images.

    Raises UsageError for a task that takes neither natural nor MRI images; the latter get grey photographs as well,
    which is what the prior knows.
    """
    name, _, rest = text.partition(":")
    task = catalogue.task(name)
    values = dict(pair.split("=", 1) for pair in rest.split(",")) if rest else task.levels[task.default_level]
    params = P.build(resolve(task.params), values, owner=f"task '{name}'")
    kind = next((kind for kind in ("image", "mri") if kind in task.kinds), None)
    if kind is None:
        raise UsageError(f"task '{name}' takes {', '.join(sorted(task.kinds))}, the validation images are photographs")
    runtime = resolve(task.target)(params)
    metric = catalogue.metric((params.metrics() if hasattr(params, "metrics") else task.metrics)[0])
    function = resolve(metric.target)
    for item in validation_crops(catalogue, images, size, kind):
        posed = runtime.pose(item, Seeds(task=text, dataset=DATASET, image=item.name))
        yield Case(
            problem=problem_of(posed, task, params),
            score=lambda x, view=posed.view: function(view(x), **metric.options),
        )


def validation_crops(catalogue: Catalogue, count: int, size: int, kind: str) -> Iterator[Item]:
    """Grey centre crops of ``count`` of the held-out images; as kind "mri" float32 with peak 1."""
    card = catalogue.dataset(DATASET)
    held_out = sorted(card.items, key=lambda ref: ref.name)[-HELD_OUT:]
    if not 1 <= count <= HELD_OUT:
        raise UsageError(f"there are {HELD_OUT} validation images, not {count}")
    for i in range(count):
        ref = held_out[i * HELD_OUT // count]
        item = read_item(card, ref)
        array = rgb2gray(item.array) if item.array.ndim == 3 else item.array
        top, left = ((n - size) // 2 for n in array.shape)
        array = np.ascontiguousarray(array[top : top + size, left : left + size])
        if kind == "mri":
            array = array.astype(np.float32) / max(int(array.max()), 1)
        yield Item(dataset=DATASET, name=ref.name, kind=kind, array=array)


def grid(
    method: str, problems: Sequence[Case], weights: str | None, steps: Sequence[int], etas: Sequence[float], extra: str
) -> Iterator[tuple[int, float, float, float]]:
    """T, eta, mean metric and seconds an image, for every cell of the grid."""
    spec = load().method(method)
    more = dict(pair.split("=", 1) for pair in extra.split(",")) if extra else {}
    denoise = None
    for T in steps:
        for eta in etas:
            values = {"steps": T, "eta": eta, "weights": weights, **more}
            made = resolve(spec.target)(P.build(resolve(spec.params), values, owner=method))
            made.denoise, begin, scores = denoise, time.process_time(), []
            for case in problems:
                case.problem.rng.manual_seed(0)
                scores.append(case.score(made.reconstruct(case.problem)))
            denoise = made.denoise  # read once
            yield T, eta, float(np.mean(scores)), (time.process_time() - begin) / len(problems)


@click.command()
@click.option("--task", "tasks", multiple=True, default=("cs:ratio=0.1",), show_default=True, help="TASK[:KEY=VALUE,…]")
@click.option("--method", default="ddnm", show_default=True, help="ddnm or ddnm_plus.")
@click.option("--weights", default=None, help="The prior; default: the shipped one.")
@click.option("--steps", default="10,20,50,100", show_default=True, help="Values of T.")
@click.option("--eta", default="0,0.5,0.85,1", show_default=True, help="Values of eta.")
@click.option("--set", "extra", default="", help="Further parameters of the method, KEY=VALUE,….")
@click.option("--images", default=4, show_default=True, help="How many of the 20 validation images.")
@click.option("--size", default=128, show_default=True, help="Side of the crops, pixels.")
def main(tasks: tuple[str, ...], method: str, weights: str | None, steps: str, eta: str, extra: str, images: int,
         size: int) -> None:  # fmt: skip
    """Print a table a task: T down, eta across, the mean of the task's primary metric; then the best."""
    torch.set_num_threads(1)
    etas = [float(v) for v in eta.split(",")]
    for text in tasks:
        problems = list(cases(load(), text, images, size))
        start = np.mean([case.score(case.problem.physics.baseline(case.problem.y)) for case in problems])
        click.echo(f"{method} · {text} · {images} crops of {size} x {size} · baseline {start:.2f}\n")
        click.echo("| T | " + " | ".join(f"eta {v:g}" for v in etas) + " | CPU s |\n|" + "---|" * (len(etas) + 2))
        best = (-np.inf, 0, 0.0)
        for T in map(int, steps.split(",")):
            line = list(grid(method, problems, weights, [T], etas, extra))
            best = max(best, *((row[2], T, row[1]) for row in line))
            cells = [f"{row[2]:.2f}" for row in line]
            click.echo(f"| {T} | " + " | ".join(cells) + f" | {np.mean([row[3] for row in line]):.2f} |")
        click.echo(f"\nbest: T = {best[1]}, eta = {best[2]:g}: {best[0]:.2f}")


if __name__ == "__main__":
    main()
