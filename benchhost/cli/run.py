"""``benchhost run``: run methods on tasks, print the table, say where everything lies."""

from __future__ import annotations

import dataclasses
import shlex
import signal
import sys
from pathlib import Path
from typing import Any

import click

from benchhost.cli.options import json_option, open_catalogue, plugin_option, print_json, report_options
from benchhost.config import RunConfig, read_toml
from benchhost.errors import unknown
from benchhost.plugins import Catalogue
from benchhost.selection import parse_methods, parse_tasks

FIGURES = {".pdf", ".png"}


def selection_options(command: Any) -> Any:
    """The options that say what to run; ``plan`` shares them."""
    for option in reversed(
        [
            click.argument("file", required=False),
            click.option("--tasks", "-t", multiple=True, metavar="TASKS", help="cs, cs:all, cs:ratio=0.1,0.25, ..."),
            click.option("--methods", "-m", multiple=True, metavar="METHODS", help="dip, dip:iterations=500,2000, ..."),
            click.option(
                "--datasets", "-d", multiple=True, metavar="NAMES", help="Names or folders; default: embedded."
            ),
            click.option("--metrics", multiple=True, metavar="IDS", help="Further metrics beside each task's own."),
            click.option("--limit", type=click.IntRange(1), metavar="N", help="Images per dataset."),
            click.option("--seed", type=int, help="Seed of the measurements (default 0)."),
            click.option("--repeats", type=click.IntRange(1), help="Measurements per image (default 1)."),
            click.option("--device", metavar="DEVICE", help="auto, cpu, cuda, cuda:1 (default auto)."),
            click.option("--keep-going", is_flag=True, default=None, help="Record impossible cells as skipped."),
            plugin_option,
            json_option,
        ]
    ):
        command = option(command)
    return command


def make_config(
    file: str | None,
    tasks: tuple[str, ...],
    methods: tuple[str, ...],
    plugin_files: tuple[str, ...],
    **given: Any,
) -> tuple[RunConfig, Catalogue]:
    """The run file, or a preset of that name, with the command line laid over it; and the catalogue it needs."""
    fields: dict[str, Any] = {}
    if file and (file.endswith(".toml") or Path(file).exists()):
        fields = read_toml(Path(file))
    plugins = (*fields.get("plugins", ()), *plugin_files)
    catalogue = open_catalogue(plugins)
    if file and not fields:
        if file not in catalogue.presets:
            raise unknown("run file or preset", file, catalogue.presets)
        fields = read_toml(catalogue.presets[file].path)
    fields["plugins"] = plugins
    if tasks:
        fields["tasks"] = tuple(parse_tasks(tasks, catalogue))
    if methods:
        fields["methods"] = tuple(parse_methods(methods, catalogue))
    for name in ("datasets", "metrics"):
        if given.get(name):
            fields[name] = tuple(part.strip() for text in given[name] for part in text.split(",") if part.strip())
        given.pop(name, None)
    fields |= {key: value for key, value in given.items() if value is not None}
    return RunConfig(**fields), catalogue


@click.command()
@selection_options
@click.option("--workers", type=click.IntRange(1), help="Cells computed at once (default: one per core).")
@click.option("--threads", type=click.IntRange(1), help="Threads per worker (default: 1).")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="S", help="Wall-clock seconds per image.")
@click.option("--grace", type=click.FloatRange(0), metavar="S", help="Seconds to finish cells in on SIGTERM (25).")
@click.option("--memory-gb", type=click.FloatRange(0, min_open=True), help="Resident memory per cell.")
@click.option("--results", metavar="DIR", help="Folder of results (default: results/).")
@click.option("--store", metavar="URL", help="SQLAlchemy URL of the result store (default: SQLite in the folder).")
@click.option("--fresh", is_flag=True, default=None, help="Compute every cell again, ignoring what is stored.")
@click.option("--save", type=click.Choice(["all", "none"]), help="Keep reconstructions (default: all).")
@click.option("--exclusive-timing", is_flag=True, default=None, help="Time every cell once more, alone on the machine.")
@click.option("--no-isolation", is_flag=True, help="Run in this process: for debuggers; no limits, no crash safety.")
@click.option(
    "--report", "formats", default="markdown,figures", metavar="NAMES", help="Reports to write; none for none."
)
def run(formats: str, as_json: bool, no_isolation: bool, **given: Any) -> int:
    """Run the cross product of tasks, datasets and methods.

    FILE is a TOML run file or a preset; options override it.  The same command again finishes what is missing and
    computes nothing when all is there.  Exit code 1 when a cell failed.
    """
    from benchhost.cli.progress import Display
    from benchhost.execute.stopping import Stop
    from benchhost.report import summary, terminal
    from benchhost.runs import FAILURES, execute_run

    config, catalogue = make_config(**given)
    if no_isolation:
        config = dataclasses.replace(config, isolation=False)
    wanted = [] if formats == "none" else [name.strip() for name in formats.split(",") if name.strip()]
    for name in wanted:
        catalogue.reporter(name)
    stop = Stop(config.grace)
    signal.signal(signal.SIGTERM, stop.handle)
    command = shlex.join(["benchhost", *sys.argv[1:]])
    with Display() as display:
        outcome = execute_run(config, catalogue, command=command, progress=display.progress, stop=stop)
    folder = outcome.folder / "runs" / outcome.run_id
    written = _reports(outcome, catalogue, wanted, folder) if wanted else []
    if as_json:
        print_json(summary(outcome.results))
    else:
        click.echo(terminal(outcome.results))
        click.echo(_where(outcome, written, folder, config.store))
    return 1 if any(outcome.status.get(name) for name in FAILURES) else 0


def _reports(outcome: Any, catalogue: Catalogue, names: list[str], folder: Path) -> list[Path]:
    """Write the reports; a reporter that fails costs its own output only."""
    from benchhost.gallery import strips
    from benchhost.plugins import resolve_for

    written: list[Path] = []
    for name in names:
        try:
            written += resolve_for(catalogue.reporter(name))(outcome.results, folder, report_options(catalogue))
        except Exception as error:  # the numbers are safe in the store: a plot must not fail the run
            click.echo(f"warning: report '{name}' failed: {type(error).__name__}: {error}", err=True)
    if "figures" in names:
        try:
            written += strips(outcome.plan, outcome.results, catalogue, folder)
        except Exception as error:  # as above
            click.echo(f"warning: image strips failed: {type(error).__name__}: {error}", err=True)
    return written


def _where(outcome: Any, written: list[Path], folder: Path, store: str) -> str:
    from benchhost.store.dialects import hide_password

    lines = [f"{outcome.computed} cells computed, {outcome.reused} reused from the store, {outcome.seconds:.0f} s"]
    lines.append(f"run      {outcome.run_id}")
    lines.append(f"store    {hide_password(store) if store else outcome.folder / 'benchhost.sqlite'}")
    if written:
        drawings = {path.stem for path in written if path.suffix in FIGURES}
        names = sorted(path.name for path in written if path.suffix not in FIGURES)
        if drawings:
            names.append(f"{len(drawings)} figure{'s' if len(drawings) > 1 else ''} (PDF and PNG)")
        lines.append(f"reports  {folder}{'/'}: {', '.join(names)}")
    return "\n".join(lines)
