"""``benchhost status``: past runs, and what of them is missing."""

from __future__ import annotations

import click

from benchhost.cli.options import json_option, print_json, results_folder, results_option


@click.command()
@click.argument("run_id", required=False)
@results_option
@click.option("--store", metavar="URL", help="SQLAlchemy URL of the store.")
@json_option
def status(run_id: str | None, results: str | None, store: str | None, as_json: bool) -> None:
    """Show the runs of a results folder, or with RUN_ID its cells by status and the failures with their reasons."""
    from benchhost.cli.open_store import open_store

    with open_store(results_folder(results), store) as opened:
        if run_id is None:
            rows = opened.runs().to_dict("records")
            if as_json:
                print_json(rows)
            for row in [] if as_json else rows:
                state = "finished" if row.get("finished_at") else "unfinished"
                click.echo(f"{row['run_id']}  {row['started_at']}  {state}  {row['command']}")
            return
        run = opened.run(run_id)
        frame = opened.frame(run["run_id"])
    cells = frame.drop_duplicates("key")
    counts = cells["status"].value_counts().to_dict()
    bad = cells[~cells["status"].isin(["ok", "pending"])]
    failures = bad[["status", "task", "level", "dataset", "image", "method_label", "reason"]].to_dict("records")
    if as_json:
        print_json({"run_id": run["run_id"], "command": run["command"], "status": counts, "failures": failures})
        return
    click.echo(f"{run['run_id']}  {run['command']}")
    click.echo(", ".join(f"{n} {name}" for name, n in counts.items()))
    for row in failures:
        place = f"{row['task']} {row['level']}, {row['dataset']}/{row['image']}"
        click.echo(f"  {row['status']}: {row['method_label']} on {place}: {row['reason']}")
