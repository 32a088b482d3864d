"""``benchhost export``: a run's rows for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from benchhost.cli.options import results_folder, results_option


@click.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--run", "run_id", metavar="RUN_ID", help="Which run (default: the latest); 'all' for every run.")
@click.option("--store", metavar="URL", help="SQLAlchemy URL of the store.")
@results_option
def export(target: Path, run_id: str | None, store: str | None, results: str | None) -> None:
    """Write the tidy rows (one per cell and metric) to TARGET: .parquet, .csv or .json by its ending.

    Parquet of one run holds the facts of the run, too: report --records reads it.
    """
    from benchhost.cli.open_store import open_store
    from benchhost.report.records import write_records
    from benchhost.runs import open_results
    from benchhost.store.exports import check_format, export

    check_format(target)
    with open_store(results_folder(results), store) as opened:
        if run_id == "all" or target.suffix.lower() != ".parquet":
            frame = opened.frame(None if run_id == "all" else opened.run(run_id)["run_id"])
            export(frame, target)
        else:
            found = open_results(opened, run_id)
            frame = found.frame
            write_records(found, target)
    click.echo(f"{len(frame)} rows -> {target}")
