"""``benchhost report``: tables and figures of a run."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import click

from benchhost.cli.options import report_options, results_folder, results_option, with_catalogue
from benchhost.errors import UsageError
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
@click.option(
    "--layout",
    metavar="WORDS",
    help="latex, markdown: levels, datasets, images, landscape or transposed; with ',pairs' PSNR/SSIM in one place.",
)
@click.option("--paper", metavar="NAME", help="latex, markdown: tables shaped as in a paper: rim, dip, nsr, ddnm, idm.")
@click.option("--reported", is_flag=True, help="With --layout or --paper: rows that others published, greyed, cited.")
@click.option("--sd/--no-sd", "spread", default=None, help="With --layout or --paper: ± the standard deviation.")
@click.option("--width", metavar="INCHES", help="figures: 3.4 (one column, the default), 7 (both) or any other width.")
@click.option("--crop", metavar="T,L,H,W", help="figures: the part of images that is enlarged, in pixels.")
@click.option("--out", metavar="DIR", help="Where to write (default: RESULTS/runs/RUN_ID, or beside --records).")
@click.option(
    "--images", type=_Images(), metavar="N", help="Images per page of the HTML report with pictures; all for every one."
)
@click.option(
    "--records",
    "records",
    multiple=True,
    metavar="FILE",
    help="Parquet files of benchhost export, instead of a store; several are laid together.",
)
@click.option("--open", "show", is_flag=True, help="Open the HTML report in a browser.")
@click.option("--store", metavar="URL", help="SQLAlchemy URL of the store.")
@results_option
@with_catalogue
def report(
    run_id: str | None,
    formats: str | None,
    images: int | None,
    records: tuple[str, ...],
    show: bool,
    layout: str | None,
    paper: str | None,
    reported: bool,
    spread: bool | None,
    width: str | None,
    crop: str | None,
    out: str | None,
    store: str | None,
    results: str | None,
    catalogue: Catalogue,
) -> None:
    """Write reports of RUN_ID (the latest run by default) and name the files."""
    if layout and paper:
        raise UsageError("--paper has layouts of its own: leave out --layout")
    if records and (run_id or store):
        raise UsageError("--records stands instead of a store: leave out RUN_ID and --store")
    from benchhost.cli.open_store import open_store
    from benchhost.report.records import read_records
    from benchhost.runs import open_results

    box = _box(crop) if crop else None
    names = [name.strip() for name in (formats or ("html" if show else "markdown")).split(",") if name.strip()]
    if show and "html" not in names:
        names.append("html")
    reporters = [catalogue.reporter(name) for name in names]
    folder = results_folder(results)
    if records:
        found = read_records(records)
        target = Path(out) if out else Path(records[0]).with_suffix("")
    else:
        with open_store(folder, store) as opened:
            found = open_results(opened, run_id)
        target = Path(out) if out else folder / "runs" / found.run["run_id"]
    given = {"layout": layout, "paper": paper, "reported": reported or None, "spread": spread, "width": width}
    options = report_options(catalogue) | {"images": images, "results": folder}
    options |= {name: value for name, value in given.items() if value is not None}
    for reporter in reporters:
        written = resolve_for(reporter)(found, target, options)
        for path in written[:MOST_NAMED]:
            click.echo(path)
        if len(written) > MOST_NAMED:
            click.echo(f"... and {len(written) - MOST_NAMED} more files below {target}")
    if "figures" in names and not records:
        _strips(found, catalogue, folder, target, options, box)
    if show:
        import webbrowser

        page = (target / "html" / "index.html").resolve().as_uri()
        if not webbrowser.open(page):
            click.echo(f"no browser could be started; open {page}", err=True)


def _box(text: str) -> tuple[int, int, int, int]:
    try:
        top, left, height, width = (int(part) for part in text.split(","))
    except ValueError:
        raise UsageError(f"--crop '{text}': expected four whole numbers, top,left,height,width") from None
    if min(top, left) < 0 or min(height, width) < 1:
        raise UsageError(f"--crop '{text}' is no part of an image")
    return top, left, height, width


def _strips(found: Any, catalogue: Catalogue, folder: Path, target: Path, options: dict[str, Any], box: Any) -> None:
    """Image strips, made again from the data sets and the stored reconstructions; without those a warning."""
    from benchhost.gallery import plan_of, strips

    here = dataclasses.replace(found, run={**found.run, "results": str(folder)})
    width = float(options["width"]) if "width" in options else None
    try:
        for path in strips(plan_of(here, catalogue), here, catalogue, target, crop=box, width=width):
            click.echo(path)
    except Exception as error:  # the tables and other figures are written: pictures must not cost them
        click.echo(f"warning: image strips failed: {type(error).__name__}: {error}", err=True)
