"""``benchhost train``: train a prior or a method's network."""

from __future__ import annotations

import re
from typing import Any

import click

from benchhost.cli.options import with_catalogue
from benchhost.errors import UsageError
from benchhost.plugins import Catalogue

_SPAN = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


class Span(click.ParamType):
    """A span of time: ``90``, ``90s``, ``15m``, ``1h30m``; in seconds."""

    name = "time"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Seconds as a float."""
        if isinstance(value, int | float):
            return float(value)
        found = _SPAN.fullmatch(value.strip())
        if not value.strip() or not found:
            self.fail(f"'{value}' is no span of time: write 90s, 15m or 1h30m", param, ctx)
        hours, minutes, seconds = (float(part or 0) for part in found.groups())
        return 3600 * hours + 60 * minutes + seconds


@click.command()
@click.argument("training")
@click.option("--out", metavar="DIR", help="Folder of checkpoints, logs and weights (default: checkpoints/TRAINING).")
@click.option(
    "--task", "tasks", multiple=True, metavar="TASK", help="Tasks to train for, where the training takes any."
)
@click.option("--dataset", metavar="NAME", help="Training dataset, instead of the training's own.")
@click.option("--steps", type=click.IntRange(1), help="Train this many steps in all.")
@click.option("--time-budget", type=Span(), help="Train this long in all (1h30m), the stretches before included.")
@click.option("--resume", is_flag=True, help="Go on from the checkpoint in the folder.")
@click.option("--from", "start", metavar="FILE", help="Begin a new run at the weights of a file that was exported.")
@click.option("--set", "changes", multiple=True, metavar="KEY=VALUE", help="Change a setting (rate, crops, ema, ...).")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, cuda:N or auto.")
@click.option("--threads", type=click.IntRange(1), help="Threads of a CPU process (default: torch's choice).")
@click.option("--checkpoint-every", type=Span(), default="5m", show_default=True, help="Time between checkpoints.")
@click.option("--validate-every", type=Span(), default="15m", show_default=True, help="Time between validations.")
@click.option("--log-every", type=click.IntRange(1), default=100, show_default=True, help="Steps between log rows.")
@with_catalogue
def train(training: str, catalogue: Catalogue, **options: Any) -> int:
    """Train TRAINING (NAME or NAME:PARAMETER=VALUE,...) until a number of steps or a time budget is reached.

    Ctrl-C and SIGTERM end a run in good order; --resume goes on exactly where it stood.  Several processes:
    torchrun --nproc-per-node N -m benchhost train ...
    """
    from benchhost.training.run import run_training

    if (options["steps"] is None) == (options["time_budget"] is None):
        raise UsageError("give either --steps or --time-budget")
    reached = run_training(training, catalogue, **options, note=lambda text: click.echo(text, err=True))
    return 0 if reached else 130
