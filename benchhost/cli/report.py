"""``benchhost report``: tables and figures of a run."""

from __future__ import annotations

from pathlib import Path

import click

from benchhost.cli.options import results_folder, results_option, with_catalogue
from benchhost.plugins import Catalogue, resolve_for


@click.command()
@click.argument("run_id", required=False)
@click.option(
    "--to", "formats", default="markdown", metavar="NAMES", help="markdown, latex, csv, ... (see list reporters)."
)
@click.option("--out", metavar="DIR", help="Where to write (default: RESULTS/runs/RUN_ID).")
@click.option("--store", metavar="URL", help="SQLAlchemy URL of the store.")
@results_option
@with_catalogue
def report(
    run_id: str | None, formats: str, out: str | None, store: str | None, results: str | None, catalogue: Catalogue
) -> None:
    """Write reports of RUN_ID (the latest run by default) and name the files."""
    from benchhost.cli.open_store import open_store
    from benchhost.runs import open_results

    names = [name.strip() for name in formats.split(",") if name.strip()]
    reporters = [catalogue.reporter(name) for name in names]
    folder = results_folder(results)
    with open_store(folder, store) as opened:
        found = open_results(opened, run_id)
    target = Path(out) if out else folder / "runs" / found.run["run_id"]
    for reporter in reporters:
        for path in resolve_for(reporter)(found, target, {}):
            click.echo(path)
