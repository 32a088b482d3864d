"""``benchhost score``: further metrics from stored reconstructions."""

from __future__ import annotations

import click

from benchhost.cli.options import results_folder, results_option, with_catalogue
from benchhost.plugins import Catalogue


@click.command()
@click.argument("run_id", required=False)
@click.option("--metrics", required=True, metavar="IDS", help="Metric ids, e.g. psnr/255/clip,ssim/sk7.")
@click.option("--store", metavar="URL", help="SQLAlchemy URL of the store.")
@results_option
@with_catalogue
def score(run_id: str | None, metrics: str, store: str | None, results: str | None, catalogue: Catalogue) -> None:
    """Score the stored reconstructions of RUN_ID (the latest by default) with METRICS; no method is run again."""
    from benchhost import execute
    from benchhost.cli.open_store import open_store

    ids = [name.strip() for name in metrics.split(",") if name.strip()]
    for id in ids:
        catalogue.metric(id)
    folder = results_folder(results)
    with open_store(folder, store) as opened:
        run = opened.run(run_id)
        cells = opened.add_metrics(run["run_id"], ids)
        options = execute.Options(results=folder, plugins=tuple(run.get("config", {}).get("plugins", ())))
        lost = execute.rescore(cells, store=opened, run_id=run["run_id"], options=options, catalogue=catalogue)
    click.echo(f"{len(cells) - len(lost)} reconstructions scored with {', '.join(ids)}")
    if lost:
        click.echo(
            f"{len(lost)} reconstructions are no longer on disk; the same `benchhost run` computes them again", err=True
        )
        raise click.exceptions.Exit(1)
