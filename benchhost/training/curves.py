"""The figure of a run's curves."""

from __future__ import annotations

from pathlib import Path

from benchhost.training.records import read_rows


def draw(folder: Path) -> list[Path]:
    """Draw loss, learning rate and validation figures against the step: ``curves.png`` and ``curves.pdf``.

    Gives the files written; none before the first row of the log.
    """
    training, validation = folder / "training.csv", folder / "validation.csv"
    rows = read_rows(training) if training.is_file() else []
    judged = read_rows(validation) if validation.is_file() else []
    if not rows:
        return []
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    steps = [row["step"] for row in rows]
    left.plot(steps, [row["loss"] for row in rows], color="#0072B2", linewidth=0.8)
    left.set(xlabel="step", ylabel="loss", yscale="log")
    rate = left.twinx()
    rate.plot(steps, [row["rate"] for row in rows], color="#999999", linewidth=0.8)
    rate.set_ylabel("learning rate", color="#777777")
    for name in [key for key in (judged[0] if judged else {}) if key not in ("step", "seconds")]:
        right.plot([row["step"] for row in judged], [row[name] for row in judged], marker=".", label=name)
    right.set(xlabel="step", ylabel="validation")
    if judged:
        right.legend(frameon=False, fontsize=8)
    for axis in (left, right):
        axis.spines[["top"]].set_visible(False)
    written = [folder / "curves.png", folder / "curves.pdf"]
    figure.savefig(written[0], dpi=150)
    figure.savefig(written[1])
    return written
