"""``python -m benchhost_classical.tune_tv``: choose lambda of ``tv`` on training images and print the table to paste.

For each line of ``LINES``: the task poses its problem on crops of a training set, lambda is doubled and halved from a
first guess until the mean of the task's primary metric turns, and a parabola in log lambda through the best three gives
the value.  Exact measurements keep the equality constraint (0) where neither the guess nor a quarter of it is 0.01 dB
better.  Seeds, crops and images are fixed, so that the command prints the same table again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import click
import torch

from benchhost import params as P
from benchhost.physics import LinearPhysics
from benchhost.physics.diagonal import Identity
from benchhost.plugins import load, resolve
from benchhost.types import Posed
from benchhost_classical.total_variation import minimise
from benchhost_classical.training_crops import posed
from benchhost_classical.tv import noise_level, peak_modulus, white_gain

NATURAL, HEAD_MRI, HEAD_CT = "bsds500_train", "mri_t1_studyforrest", "ct_cranium"
WORTH = 0.01  # dB: a gain below this is none
FLAT = 0.002  # dB: a gain below this ends the climb, for lambda -> 0 it would go on for ever


@dataclass(frozen=True, kw_only=True)
class Line:
    """A knot of the table: which table, for which key, with which abscissa ("noise": sigma / sqrt(gain)).

    Table "EXACT" is no part of the module: it shows that exact measurements need none, as long as all of it is 0.
    """

    table: str
    key: Any
    task: str
    params: Mapping[str, Any]
    dataset: str = NATURAL
    channels: int = 1
    abscissa: str = "noise"
    guess: float = 0.05


def lines() -> Iterator[Line]:
    """Every knot."""
    for kind, channels in (("grey", 1), ("colour", 3)):
        for s in (5.0, 15.0, 25.0, 50.0, 75.0):
            yield Line(table="DENOISE", key=kind, task="denoise", params={"sigma": s}, channels=channels)
        for q in (10, 20, 30, 40):
            line = {"table": "JPEG", "key": kind, "task": "jpeg", "abscissa": "quality", "channels": channels}
            yield Line(params={"quality": q}, **line)
        for keep in (0.5, 0.3, 0.1):
            line = {"table": "EXACT", "key": ("inpaint", kind), "task": "inpaint", "channels": channels}
            yield Line(params={"keep": keep}, abscissa="keep", **line)
    for s in (2.55, 7.65):
        for kernel in ("gaussian", "motion"):
            params = {"kernel": kernel, "sigma": s}
            yield Line(table="NOISY", key=(f"deblur/{kernel}", "grey"), task="deblur", params=params)
    for scale in (2, 3, 4, 8):
        line = {"table": "EXACT", "task": "sr", "abscissa": "scale", "guess": 0.01}
        yield Line(key=("sr", "grey"), params={"scale": scale}, **line)
        yield Line(key=("sr", "colour"), params={"scale": scale, "protocol": "rgb"}, channels=3, **line)
    for ratio in (0.01, 0.04, 0.1, 0.25, 0.3, 0.4, 0.5):
        yield Line(table="EXACT", key=("cs", "grey"), task="cs", params={"ratio": ratio}, abscissa="ratio")
    yield from _organs()


def _organs() -> Iterator[Line]:
    for acceleration in (4, 8):
        line = {"table": "EXACT", "key": ("mri", "grey"), "task": "mri", "abscissa": "acceleration"}
        yield Line(params={"acceleration": acceleration}, dataset=HEAD_MRI, guess=0.001, **line)
    for ratio in (0.1, 0.3):
        line = {"table": "EXACT", "key": ("mri/ista", "grey"), "task": "mri", "abscissa": "ratio"}
        yield Line(params={"protocol": "ista", "ratio": ratio}, dataset=HEAD_MRI, guess=0.001, **line)
    for s in (0.01, 0.03):
        for key, params in (("mri", {}), ("mri/ista", {"protocol": "ista"})):
            params = {**params, "sigma": s}
            yield Line(table="NOISY", key=(key, "grey"), task="mri", params=params, dataset=HEAD_MRI, guess=s)
    for views in (20, 30, 60, 90):
        line = {"table": "EXACT", "key": ("ct", "grey"), "task": "ct", "abscissa": "views", "guess": 0.0005}
        yield Line(params={"views": views}, dataset=HEAD_CT, **line)
    for s in (0.003, 0.01, 0.03):
        params = {"noise": "gaussian", "sigma": s}
        yield Line(table="NOISY", key=("ct", "grey"), task="ct", params=params, dataset=HEAD_CT, guess=2 * s)
    for photons in (1024.0, 4096.0, 16384.0):
        params = {"noise": "poisson", "photons": photons}
        yield Line(table="NOISY", key=("ct/poisson", "grey"), task="ct", params=params, dataset=HEAD_CT, guess=0.05)


def tune(line: Line, images: int, size: int) -> tuple[float, float, dict[float, float]]:
    """Abscissa, lambda / gain (0: equality constraint) and the mean metric by lambda / gain."""
    problems = list(posed(line.task, line.params, line.dataset, images, size, line.channels))
    catalogue = load()
    task = catalogue.task(line.task)
    values = P.build(resolve(task.params), line.params, owner=line.task)
    metric = catalogue.metric((values.metrics() if hasattr(values, "metrics") else task.metrics)[0])
    function = resolve(metric.target)
    cases = [_Case(p, P.as_dict(values), lambda view: function(view, **metric.options)) for p in problems]
    scores: dict[float, float] = {}

    def score(weight: float) -> float:
        if weight not in scores:
            scores[weight] = sum(case.score(weight) for case in cases) / len(cases)
        return scores[weight]

    if line.table == "EXACT" and score(0.0) >= max(score(line.guess), score(line.guess / 4)) - WORTH:
        best = 0.0  # the constraint, which has no parameter, unless a lambda is worth having
    else:
        best = _climb(score, line.guess)
    noise = sum(case.noise for case in cases) / len(cases)
    return noise if line.abscissa == "noise" else float(getattr(values, line.abscissa)), best, scores


class _Case:
    """One training problem in the units :class:`benchhost_classical.tv.Tv` solves it in; starts where it last ended."""

    def __init__(self, problem: Posed, params: Mapping[str, Any], metric: Callable[[Any], float]) -> None:
        start, physics = problem.physics.baseline(problem.y), problem.physics
        self.unit = 1.0 if problem.value_range else peak_modulus(start, complex_image=problem.complex_image)
        self.x, self.y = start / self.unit, problem.y / self.unit
        if not isinstance(physics, LinearPhysics):
            self.y, physics = self.x, Identity(tuple(start.shape[1:]), dtype=start.dtype)
        self.physics, self.box, self.view, self.metric = physics, problem.value_range, problem.view, metric
        self.gain = white_gain(physics, problem.y)
        level = noise_level(physics, problem.y, problem.sigma, params, self.unit)
        self.noise = (level or 0.0) / self.gain**0.5

    @torch.no_grad()
    def score(self, weight: float) -> float:
        solved = minimise(
            self.physics,
            self.y,
            weight * self.gain,
            start=self.x,
            box=self.box,
            tolerance=2e-4 if weight else 1e-4,
            max_iterations=1000,
        )
        self.x = solved.estimate
        return self.metric(self.view(self.unit * self.x))


def _climb(score: Callable[[float], float], guess: float) -> float:
    """The top of ``score`` over log weight: bracket by factors of 2, then a parabola."""
    weight = guess
    step = 2.0 if score(weight * 2) > score(weight) else 0.5
    while score(weight * step) > score(weight) + FLAT:
        weight *= step
    low, mid, high = score(weight / 2), score(weight), score(weight * 2)
    bend = low - 2 * mid + high
    return weight * math.exp(math.log(2) * 0.5 * (low - high) / bend) if bend < 0 else weight


@click.command()
@click.option("--images", default=6, show_default=True, help="Crops of each training set.")
@click.option("--size", default=128, show_default=True, help="Side of a crop, pixels.")
@click.option("--task", "only", default=None, help="Only this task's knots.")
def main(images: int, size: int, only: str | None) -> None:
    """Print one line a knot, then the tables of :mod:`benchhost_classical.tv_table`."""
    torch.set_num_threads(1)
    tables: dict[str, dict[Any, list[tuple[float, float]]]] = {}
    for line in lines():
        if only in (None, line.task):
            at, weight, scores = tune(line, images, size)
            knot = (float(f"{at:.4g}"), float(f"{weight:.3g}"))
            tables.setdefault(line.table, {}).setdefault(line.key, []).append(knot)
            shown = " ".join(f"{w:.3g}:{v:.3f}" for w, v in sorted(scores.items()))
            click.echo(f"# {line.table} {line.key} {dict(line.params)} -> {knot}   {shown}")
    for name, table in tables.items():
        click.echo(f"{name} = " + repr({key: tuple(sorted(knots)) for key, knots in table.items()}))


if __name__ == "__main__":
    main()
