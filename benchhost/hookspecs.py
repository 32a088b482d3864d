"""Every hook of the plugin host; each docstring holds a plugin that works."""

from collections.abc import Iterable, Mapping
from typing import Any

import click
import pluggy

from benchhost.types import Dataset, Method, Metric, Preset, Reporter, Task, Training

hookspec = pluggy.HookspecMarker("benchhost")
hookimpl = pluggy.HookimplMarker("benchhost")


@hookspec
def benchhost_methods() -> Iterable[Method]:
    """Offer reconstruction methods.  Collected once, at start; import nothing heavy here::

    @hookimpl
    def benchhost_methods():
        yield Method(name="half", target="mine:Half", summary="half the pseudo-inverse",
                     requires=frozenset({"pinv"}))
    """


@hookspec
def benchhost_tasks() -> Iterable[Task]:
    """Offer tasks: an operator family with noise and protocol::

    @hookimpl
    def benchhost_tasks():
        yield Task(name="halving", target="mine:Halving", summary="y = x / 2", levels=({},),
                   metrics=("psnr/255/clip",), datasets=("embedded-grey",), offers=frozenset({"linear", "pinv"}))
    """


@hookspec
def benchhost_datasets() -> Iterable[Dataset]:
    """Offer datasets: read a card, or build the record yourself::

    @hookimpl
    def benchhost_datasets():
        from benchhost.data.cards import load_card
        yield load_card(Path(__file__).parent / "mine.toml")
    """


@hookspec
def benchhost_metrics() -> Iterable[Metric]:
    """Offer metrics; the protocol is part of the id::

    @hookimpl
    def benchhost_metrics():
        yield Metric(id="mae/255", target="mine:mae", summary="mean absolute error, grey levels",
                     higher_is_better=False)
    """


@hookspec
def benchhost_reporters() -> Iterable[Reporter]:
    """Offer output formats for ``benchhost report --to NAME``::

    @hookimpl
    def benchhost_reporters():
        yield Reporter(name="lines", target="mine:write_lines", summary="one line a row")
    """


@hookspec
def benchhost_presets() -> Iterable[Preset]:
    """Offer run configurations by name, for ``benchhost run NAME``::

    @hookimpl
    def benchhost_presets():
        yield Preset(name="cs-paper", path=Path(__file__).parent / "cs.toml", summary="the CS table")
    """


@hookspec
def benchhost_trainings() -> Iterable[Training]:
    """Offer what ``benchhost train NAME`` can train; the target supplies network, loss and validation::

    @hookimpl
    def benchhost_trainings():
        yield Training(name="smoother", target="mine:Smoother", summary="a linear denoiser", dataset="bsds500_train")
    """


@hookspec
def benchhost_run_started(run: Mapping[str, Any]) -> None:
    """Observe the start of a run.  ``run`` has run_id, command, cells, cached; an exception is logged, never fatal::

    @hookimpl
    def benchhost_run_started(run):
        print(run["run_id"], run["cells"])
    """


@hookspec
def benchhost_cell_finished(cell: Mapping[str, Any], record: Mapping[str, Any]) -> None:
    """Observe each cell as its record is stored; an exception is logged, never fatal::

    @hookimpl
    def benchhost_cell_finished(cell, record):
        print(cell["method"], cell["image"], record["status"])
    """


@hookspec
def benchhost_run_finished(run: Mapping[str, Any]) -> None:
    """Observe the end of a run.  ``run`` has run_id and the count of cells by status::

    @hookimpl
    def benchhost_run_finished(run):
        print(run["status"])
    """


@hookspec
def benchhost_commands(cli: click.Group) -> None:
    """Add commands to the command line::

    @hookimpl
    def benchhost_commands(cli):
        @cli.command()
        def hello():
            click.echo("hello")
    """
