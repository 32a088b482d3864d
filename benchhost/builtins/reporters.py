"""The host's own output formats."""

from collections.abc import Iterator

from benchhost.hookspecs import hookimpl
from benchhost.types import Reporter


@hookimpl
def benchhost_reporters() -> Iterator[Reporter]:
    """Tables for readers, rows for programs, figures for both."""
    yield Reporter(
        name="markdown", target="benchhost.report.markdown:write", summary="report.md: tables, protocols, failures"
    )
    yield Reporter(
        name="latex",
        target="benchhost.report.latex:write",
        summary="booktabs tables, one file each, references.bib and main.tex",
    )
    yield Reporter(name="csv", target="benchhost.report.comma:write", summary="a table per task, and every row")
    yield Reporter(name="json", target="benchhost.report.machine:write_json", summary="the summary, and every row")
    yield Reporter(name="parquet", target="benchhost.report.machine:write_parquet", summary="every row, and traces")
    yield Reporter(
        name="figures",
        target="benchhost.report.figures:write",
        summary="quality against time and level, convergence, images, memory, ranks: PDF and PNG",
    )
    yield Reporter(
        name="html",
        target="benchhost.report.html:write",
        summary="html/index.html: tables, failures, figures and image comparison, a folder that opens without a server",
    )
