"""What a network costs: parameters and multiplications, those of overlapping tiles included."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import pandas as pd

from benchhost_nsr.network import Nsr, NsrShape
from benchhost_nsr.tiles import LEAST, TILE, corners_of

FORMS = {
    "dense": NsrShape(groups=1),
    "dense, width 2": NsrShape(groups=1, width=2),
    "k = 2": NsrShape(groups=2),
    "k = 2, width 2": NsrShape(groups=2, width=2),
    "k = 4": NsrShape(groups=4),
    "k = 16": NsrShape(groups=16),
}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """Multiply-accumulate operations of one forward pass.

    pixel: of all convolutions, for each pixel of the input.  image: of gates and mixing, once an image or tile.
    """

    parameters: int
    pixel: int
    image: int

    def of(self, height: int, width: int, *, tiles: bool = False) -> int:
        """For an input of that size; with tiles every tile counts whole, its overlap and border too."""
        if not tiles or min(height, width) < LEAST:
            return self.pixel * height * width + self.image
        count = len(corners_of(height)) * len(corners_of(width))
        return count * (self.pixel * TILE * TILE + self.image)


def cost_of(shape: NsrShape) -> Cost:
    """Count a network's parameters and operations, kernels mixed before one convolution."""
    network = Nsr(shape)
    layers = [(network.head, 1), (network.first, shape.blocks), (network.second, shape.blocks), (network.tail, 1)]
    layers += [(network.skip, 1)] if network.skip else []
    pixel = image = 0
    for kernels, count in layers:
        one = kernels.outputs * kernels.inputs * kernels.side**2
        pixel += count * one
        if kernels.gated:
            gates = kernels.groups * kernels.cardinality * kernels.inputs
            image += count * (gates + kernels.groups * (one + kernels.outputs))
    return Cost(parameters=sum(p.numel() for p in network.parameters()), pixel=pixel, image=image)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchhost_nsr.cost", description=__doc__)
    parser.add_argument("--size", type=int, nargs=2, default=(321, 481), help="height and width of the image")
    options = parser.parse_args(arguments)
    rows = []
    for name, shape in FORMS.items():
        cost = cost_of(shape)
        whole, tiles = (cost.of(*options.size, tiles=t) / 1e9 for t in (False, True))
        rows.append({"network": name, **asdict(cost), "GMAC whole": whole, "GMAC tiled": tiles})
    print(pd.DataFrame(rows).to_markdown(index=False, intfmt=",", floatfmt=".1f"))  # noqa: T201


if __name__ == "__main__":
    main()
