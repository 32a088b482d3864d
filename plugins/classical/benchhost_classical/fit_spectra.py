"""``python -m benchhost_classical.fit_spectra``: mean power spectra of the training sets, as constants to paste.

A power law is fitted to the mean squared DCT coefficients of the images that the tasks pose, in log-log, every ring of
frequencies weighing alike.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import click
import numpy as np
import torch

from benchhost_classical.dct import dct_matrix
from benchhost_classical.training_crops import posed

RINGS = 40
SETS = (
    ("grey", "denoise", {}, "bsds500_train", 1),
    ("colour", "denoise", {}, "bsds500_train", 3),
    ("mri", "mri", {}, "mri_t1_studyforrest", 1),
    ("ct", "ct", {}, "ct_cranium", 1),
)


def fit(planes: Iterator[np.ndarray], mean: float) -> tuple[float, float]:
    """Amplitude and exponent of the power law of square planes (H, H) around ``mean``."""
    power, count = 0.0, 0
    for plane in planes:
        basis = dct_matrix(len(plane)).numpy()
        power, count = power + (basis @ (plane - mean) @ basis.T) ** 2, count + 1
    size = len(basis)
    k = np.arange(size) / (2 * size)
    f = np.hypot(k[:, None], k[None])
    edges = np.geomspace(1 / (2 * size), 0.5, RINGS + 1)
    rings = [(f >= a) & (f < b) for a, b in pairwise(edges)]
    points = [(np.log(f[ring].mean()), np.log((power / count)[ring].mean())) for ring in rings if ring.any()]
    slope, offset = np.polyfit(*np.array(points).T, 1)
    return float(np.exp(offset)), float(-slope)


@click.command()
@click.option("--images", default=60, show_default=True, help="Images of each training set.")
@click.option("--size", default=128, show_default=True, help="Side of the crops, pixels.")
def main(images: int, size: int) -> None:
    """Print the table of :mod:`benchhost_classical.spectra`."""
    for name, task, params, dataset, channels in SETS:
        truths = [p.truth.double() for p in posed(task, params, dataset, images, size, channels)]
        x = torch.cat(truths)
        mix = dct_matrix(3) if name == "colour" else torch.eye(x.shape[1], dtype=torch.float64)
        centre = 0.0 if name == "mri" else float(x.mean())
        planes = torch.einsum("ij,bjhw->ibhw", mix, x - centre).numpy()
        groups = planes if name == "colour" else [np.concatenate(planes)]
        laws = [fit(iter(group), 0.0) for group in groups]
        text = " ".join(f"Law(amplitude={a:.3g}, exponent={p:.3g})," for a, p in laws)
        click.echo(f'    "{name}": Spectrum(mean={centre:.3g}, laws=({text})),')


if __name__ == "__main__":
    main()
