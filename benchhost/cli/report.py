"""``benchhost report``: tables and figures of a run."""

from __future__ import annotations

from pathlib import Path

import click

from benchhost.cli.options import results_folder, results_option, with_catalogue
from benchhost.plugins import Catalogue, resolve_for

MOST_NAMED = 20
"""Files that are named of each format; an HTML report has hundreds."""


class _Images(click.ParamType):
    """A number of images, or ``all``, which reporters are told as -1."""

    name = "images"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """``all`` or a whole number from 0."""
        text = str(value).strip()
        if text == "all":
            return -1
        if not text.isdecimal():
            self.fail(f"'{text}' is neither a number of images nor 'all'", param, ctx)
        return int(text)


@click.command()
@click.argument("run_id", required=False)
@click.option(
    "--to",
    "formats",
    metavar="NAMES",
    help="markdown, latex, csv, html, ... (see list reporters; default: markdown, with --open html).",
)
@click.option("--out", metavar="DIR", help="Where to write (default: RESULTS/runs/RUN_ID).")
@click.option(
    "--images", type=_Images(), metavar="N", help="Images per page of the HTML report with pictures; all for every one."
)
@click.option("--open", "show", is_flag=True, help="Open the HTML report in a browser.")
@click.option("--store", metavar="URL", help="SQLAlchemy URL of the store.")
@results_option
@with_catalogue
def report(
    run_id: str | None,
    formats: str | None,
    out: str | None,
    images: int | None,
    show: bool,
    store: str | None,
    results: str | None,
    catalogue: Catalogue,
) -> None:
    """Write reports of RUN_ID (the latest run by default) and name the files."""
    from benchhost.cli.open_store import open_store
    from benchhost.runs import open_results

    names = [name.strip() for name in (formats or ("html" if show else "markdown")).split(",") if name.strip()]
    if show and "html" not in names:
        names.append("html")
    reporters = [catalogue.reporter(name) for name in names]
    folder = results_folder(results)
    with open_store(folder, store) as opened:
        found = open_results(opened, run_id)
    target = Path(out) if out else folder / "runs" / found.run["run_id"]
    for reporter in reporters:
        written = resolve_for(reporter)(found, target, {"catalogue": catalogue, "images": images, "results": folder})
        for path in written[:MOST_NAMED]:
            click.echo(path)
        if len(written) > MOST_NAMED:
            click.echo(f"... and {len(written) - MOST_NAMED} more files below {target}")
    if show:
        import webbrowser

        page = (target / "html" / "index.html").resolve().as_uri()
        if not webbrowser.open(page):
            click.echo(f"no browser could be started; open {page}", err=True)
