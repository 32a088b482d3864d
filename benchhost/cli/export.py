"""``benchhost export``: a run's rows for other programs."""

from __future__ import annotations

from pathlib import Path

import click

from benchhost.cli.options import results_folder, results_option
from benchhost.errors import UsageError

FORMATS = {".parquet": "to_parquet", ".csv": "to_csv", ".json": "to_json"}


@click.command()
@click.argument("target", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--run", "run_id", metavar="RUN_ID", help="Which run (default: the latest); 'all' for every run.")
@click.option("--store", metavar="URL", help="SQLAlchemy URL of the store.")
@results_option
def export(target: Path, run_id: str | None, store: str | None, results: str | None) -> None:
    """Write the tidy rows (one per cell and metric) to TARGET: .parquet, .csv or .json by its ending."""
    from benchhost.cli.open_store import open_store

    if target.suffix not in FORMATS:
        raise UsageError(f"cannot export to '{target.name}': the ending must be one of {', '.join(FORMATS)}")
    with open_store(results_folder(results), store) as opened:
        frame = opened.frame(None if run_id == "all" else opened.run(run_id)["run_id"])
    target.parent.mkdir(parents=True, exist_ok=True)
    if target.suffix == ".parquet":
        frame.to_parquet(target, index=False)
    elif target.suffix == ".csv":
        frame.to_csv(target, index=False)
    else:
        frame.to_json(target, orient="records", date_format="iso", indent=1)
    click.echo(f"{len(frame)} rows -> {target}")
