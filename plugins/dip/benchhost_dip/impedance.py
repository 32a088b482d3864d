"""How fast the untrained network fits a photograph, the photograph with noise, its pixels shuffled, and white noise.

Ulyanov, Vedaldi and Lempitsky, "Deep Image Prior" (CVPR 2018), figure 2: the parametrisation resists noise.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Generator, Tensor

from benchhost.params import build
from benchhost.physics.diagonal import Identity
from benchhost.types import Problem
from benchhost_dip.method import TRACE_EVERY, Dip
from benchhost_dip.params import DipParams

SIGMA = 25 / 255  # of the noise added to the photograph, as in the figure


def targets(image: Tensor, *, seed: int = 0) -> dict[str, Tensor]:
    """What is fitted, by name: (1, 1, H, W) each, in [0, 1] as the network's output is; white noise is uniform."""
    rng = Generator().manual_seed(seed)
    order = torch.randperm(image.numel(), generator=rng)
    noise = SIGMA * torch.randn(image.shape, generator=rng)
    return {
        "photograph": image,
        "with noise": (image + noise).clamp(0, 1),
        "shuffled": image.flatten()[order].reshape(image.shape),
        "white noise": torch.rand(image.shape, generator=rng),
    }


def fits(image: Tensor, at: Sequence[int], *, recipe: str = "fast", seed: int = 0) -> dict[str, dict[int, float]]:
    """PSNR in dB of the last output against the target itself, by target and number of steps.

    image: (1, 1, H, W) in [0, 1].  at: numbers of steps.
    Raises ValueError for one at which DIP does not trace its iterates.
    """
    if odd := [step for step in at if step % TRACE_EVERY]:
        raise ValueError(f"iterates are traced every {TRACE_EVERY} steps, not at {odd[0]}")
    values = {"recipe": recipe, "iterations": max(at), "tv": 0, "ema": 0, "stop": "none", "consistent": False}
    method = Dip(build(DipParams, values, owner="method 'dip'"))
    found: dict[str, dict[int, float]] = {}
    for name, target in targets(image, seed=seed).items():
        curve = found.setdefault(name, {})

        def trace(step: int, estimate: Tensor, *, _target: Tensor = target, _curve: dict = curve, **_: float) -> None:
            _curve[step] = -10 * float(torch.log10((estimate - _target).square().mean()))

        physics = Identity(tuple(target.shape[1:]))
        rng = Generator().manual_seed(seed)
        problem = Problem(
            y=target, physics=physics, sigma=None, image_shape=physics.in_shape, rng=rng, task="denoise", trace=trace
        )
        method.reconstruct(problem)
    return {name: {step: curve[step] for step in at} for name, curve in found.items()}


def table(images: Mapping[str, Tensor], at: Sequence[int], *, recipe: str = "fast") -> pd.DataFrame:
    """Means over images: a row for each target, a column for each number of steps."""
    every = [pd.DataFrame(fits(image, at, recipe=recipe)).T for image in images.values()]
    return sum(every[1:], every[0]) / len(every)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    import skimage.io

    parser = argparse.ArgumentParser(prog="python -m benchhost_dip.impedance", description=__doc__)
    parser.add_argument("images", nargs="+", type=Path, help="files of 8-bit grey images")
    parser.add_argument("--at", type=int, nargs="+", default=[40, 100, 200, 400, 700], help="numbers of steps")
    parser.add_argument("--recipe", choices=("fast", "paper"), default="fast")
    options = parser.parse_args(arguments)
    read = {str(path): skimage.io.imread(path, as_gray=True) for path in options.images}
    scaled = {name: a / 255 if a.dtype == np.uint8 else a for name, a in read.items()}
    images = {name: torch.from_numpy(a.astype(np.float32))[None, None] for name, a in scaled.items()}
    print(table(images, options.at, recipe=options.recipe).to_markdown(floatfmt=".2f"))  # noqa: T201


if __name__ == "__main__":
    main()
