"""A tiny task with a dataset and methods, as a plugin: a whole run takes a second and needs no file.

``load(extra=["benchhost.testing.synthetic"])``, or ``--plugin benchhost.testing.synthetic``.  A cell of it is 16 x 16
pixels, so whatever such a run costs beyond a millisecond a cell is the harness itself.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from benchhost.hookspecs import hookimpl
from benchhost.params import NoParams, param
from benchhost.types import Dataset, Item, ItemRef, Method, Posed, Problem, Task, View

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np
    from torch import Tensor

    from benchhost.seeds import Seeds

SIZE = 16
HERE = "benchhost.testing.synthetic"


@dataclass(frozen=True)
class AverageParams:
    """Parameters of the task."""

    factor: int = param(2, doc="side of the averaged blocks", minimum=1, maximum=8)
    sigma: float = param(0.02, doc="noise level", minimum=0.0)


class Average:
    """Means over blocks of ``factor`` x ``factor`` pixels, with white noise."""

    def __init__(self, params: AverageParams) -> None:
        self.params = params

    def pose(self, item: Item, seeds: Seeds) -> Posed:
        """The whole image on [0, 1]."""
        import torch

        truth = torch.from_numpy(item.array / 255.0).to(torch.float32)[None, None]
        physics = _physics(truth.shape[-1], self.params.factor)
        noise = torch.from_numpy(seeds.random_state("noise").standard_normal(physics.out_shape)).to(torch.float32)
        y = physics.A(truth) + self.params.sigma * noise[None]

        def view(estimate: Tensor) -> View:
            return View(estimate=estimate[0, 0].double().numpy(), truth=truth[0, 0].double().numpy())

        return Posed(y=y, physics=physics, sigma=self.params.sigma, truth=truth, view=view, notes={"pixels": SIZE**2})


def _physics(size: int, factor: int) -> Any:
    import torch
    from torch.nn import functional

    from benchhost.physics.operator import LinearPhysics

    class BlockMean(LinearPhysics):
        """A A^T = I / factor^2, so A+ = factor^2 A^T."""

        pinv_kind = "exact"
        norm = 1.0 / factor

        def _A(self, x: torch.Tensor) -> torch.Tensor:
            return functional.avg_pool2d(x, factor)

        def _A_adjoint(self, y: torch.Tensor) -> torch.Tensor:
            return self._A_dagger(y) / factor**2

        def _A_dagger(self, y: torch.Tensor) -> torch.Tensor:
            return y.repeat_interleave(factor, -1).repeat_interleave(factor, -2)

        def spec(self) -> dict[str, Any]:
            return {"kind": "block mean", "factor": factor, "size": size}

    return BlockMean((1, size, size), (1, size // factor, size // factor))


def read(path: Path | None, ref: ItemRef, rule: Any) -> np.ndarray:
    """A smooth image drawn from the item's name: uint8 (16, 16)."""
    import numpy as np

    seed = int.from_bytes(hashlib.sha256(ref.name.encode()).digest()[:4], "big")
    waves = np.random.RandomState(seed).uniform(0.2, 1.0, (3, 3))
    grid = np.arange(SIZE) / SIZE
    image = sum(np.sin(6 * a * grid[:, None] + 3 * c) * np.cos(6 * b * grid[None, :] + 3 * c) for a, b, c in waves)
    return np.uint8(np.round(255 * (image - image.min()) / np.ptp(image)))


class Pinv:
    """The pseudo-inverse of y."""

    def __init__(self, params: NoParams) -> None:
        pass

    def reconstruct(self, problem: Problem) -> Tensor:
        """A+ y."""
        return problem.physics.A_dagger(problem.y)


class Adjoint:
    """The adjoint of y: a poor estimate, of use as the worse of two methods."""

    def __init__(self, params: NoParams) -> None:
        pass

    def reconstruct(self, problem: Problem) -> Tensor:
        """A^T y."""
        return problem.physics.A_adjoint(problem.y)


@dataclass(frozen=True)
class LandweberParams:
    """Parameters of the iteration."""

    iterations: int = param(10, doc="number of steps", minimum=1)
    pause: float = param(0.0, doc="seconds slept in each step", minimum=0.0)


class Landweber:
    """Landweber iteration: traces every step and stops at its deadline."""

    def __init__(self, params: LandweberParams) -> None:
        self.params = params

    def reconstruct(self, problem: Problem) -> Tensor:
        """x <- x + A^T (y - A x) / norm^2."""
        A, y = problem.physics, problem.y
        x = y.new_zeros((len(y), *problem.image_shape))
        for step in range(1, self.params.iterations + 1):
            if problem.deadline is not None and time.monotonic() > problem.deadline:
                break
            x = x - A.gradient(x, y) / A.norm**2
            time.sleep(self.params.pause)
            problem.trace(step, x)
        return x


class Dither:
    """A+ y with a little noise from ``problem.rng``: depends on randomness, and repeats."""

    def __init__(self, params: NoParams) -> None:
        self.offset = 0.0

    def setup(self, problem: Problem) -> None:
        """Learn the size of the problem, the only thing there is to learn from it."""
        self.offset = 0.0 * problem.y.abs().sum().item()

    def reconstruct(self, problem: Problem) -> Tensor:
        """A+ y + 0.01 n."""
        import torch

        x = problem.physics.A_dagger(problem.y) + self.offset
        return x + 0.01 * torch.randn(x.shape, generator=problem.rng).to(x.device)


class Truth:
    """The oracle."""

    def __init__(self, params: NoParams) -> None:
        pass

    def reconstruct(self, problem: Problem, truth: Tensor) -> Tensor:
        """What nobody else may see."""
        return truth


@hookimpl
def benchhost_tasks() -> Iterable[Task]:
    """One task, two levels."""
    yield Task(
        name="synthetic",
        target=f"{HERE}:Average",
        params=f"{HERE}:AverageParams",
        summary="block means of 16 x 16 images",
        levels=({"factor": 2}, {"factor": 4}),
        metrics=("psnr/255/clip_round", "consistency/l2"),
        datasets=("synthetic",),
        offers=frozenset(
            {"linear", "adjoint", "pinv", "exact-pinv", "prox", "differentiable", "awgn", "sigma", "real"}
        ),
        kinds=frozenset({"image"}),
    )


@hookimpl
def benchhost_datasets() -> Iterable[Dataset]:
    """Forty generated images."""
    names = [f"wave{number:02d}" for number in range(40)]
    items = tuple(ItemRef(name=name, file="", sha256=hashlib.sha256(name.encode()).hexdigest()) for name in names)
    yield Dataset(
        name="synthetic",
        title="smooth waves",
        kind="image",
        channels=1,
        items=items,
        reader=f"{HERE}:read",
        digest=hashlib.sha256("".join(names).encode()).hexdigest(),
        source="generated",
    )


@hookimpl
def benchhost_methods() -> Iterable[Method]:
    """Methods that work."""
    yield Method(name="synthetic-pinv", target=f"{HERE}:Pinv", summary="A+ y", requires=frozenset({"pinv"}))
    yield Method(name="synthetic-adjoint", target=f"{HERE}:Adjoint", summary="A^T y", requires=frozenset({"adjoint"}))
    yield Method(
        name="synthetic-landweber",
        target=f"{HERE}:Landweber",
        params=f"{HERE}:LandweberParams",
        summary="Landweber iteration",
        requires=frozenset({"linear"}),
    )
    yield Method(
        name="synthetic-dither",
        target=f"{HERE}:Dither",
        summary="A+ y + noise",
        requires=frozenset({"pinv"}),
        stochastic=True,
    )
    yield Method(name="synthetic-truth", target=f"{HERE}:Truth", summary="the oracle", role="control", sees_truth=True)
