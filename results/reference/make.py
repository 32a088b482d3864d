"""Tables, figures and the README's main table from the committed records: ``python results/reference/make.py``."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchhost.cli.options import report_options
from benchhost.plugins import Catalogue, load
from benchhost.report import Results, comma, latex, long_tables, markdown
from benchhost.report.arrange import NOT_RUN
from benchhost.report.caption import hardware
from benchhost.report.figures import quality_level, quality_time
from benchhost.report.files import write_text
from benchhost.report.model import Cell, Column, Row, TableModel
from benchhost.report.records import read_records
from benchhost.report.scored import footnotes, joined, scored, without_spread
from benchhost.report.wording import listed

FOLDER = Path(__file__).resolve().parent
README = FOLDER.parents[1] / "README.md"
BEGIN, END = "<!-- made by results/reference/make.py -->", "<!-- end of what it made -->"


class Shown(NamedTuple):
    """A column of the main table: its head, and the condition it shows by the task's primary metric."""

    head: str
    task: str
    level: str
    dataset: str


MAIN = (
    Shown("denoise σ = 25", "denoise", "sigma=25", "embedded-grey"),
    Shown("deblur σ = 2.55", "deblur", "kernel=gaussian,std=1.6,sigma=2.55", "embedded-grey"),
    Shown("inpaint 50 %", "inpaint", "keep=0.5", "embedded-colour"),
    Shown("sr ×4", "sr", "scale=4", "embedded-colour"),
    Shown("jpeg Q 10", "jpeg", "quality=10", "embedded-grey"),
    Shown("mri ×4", "mri", "acceleration=4", "embedded-mri"),
    Shown("ct 60 views", "ct", "views=60", "embedded-ct"),
    Shown("cs 25 %", "cs", "ratio=0.25", "embedded-grey"),
    Shown("Set5 sr ×4", "sr", "scale=4", "set5"),
    Shown("Set11 cs 10 %", "cs", "ratio=0.1", "set11"),
    Shown("Set11 cs 25 %", "cs", "ratio=0.25", "set11"),
    Shown("Set11 cs 50 %", "cs", "ratio=0.5", "set11"),
)
LEFT_OUT = ("oracle", "noise", "pinv", "adjoint")
"""Methods that only frame a comparison; the tables of :func:`tables` have them."""

FIGURES = {
    "quality-time-cs-ratio-0.25": "PSNR against time per image, compressed sensing at 25 %",
    "quality-level-cs": "PSNR against the sampling ratio of compressed sensing",
}


def records(folder: Path = FOLDER) -> Results:
    """All committed records, laid together."""
    return read_records(sorted(folder.glob("*.parquet")))


def main_table(results: Results) -> TableModel:
    """Methods down, the conditions of MAIN that the records have across; methods without any value are left out."""
    rows = results.table[results.table["primary"] & ~results.table["method"].isin(LEFT_OUT)]
    found = joined([scored(results, mine) for _, mine in rows.groupby("task", sort=False, observed=True)])
    places = {(place.task, place.level, place.dataset): place for place in found.places}
    shown = [(column.head, places[column[1:]]) for column in MAIN if column[1:] in places]
    lines = []
    for who in found.methods:
        cells = [
            next(
                (found.cells[place, who, title] for title in found.titles if (place, who, title) in found.cells),
                NOT_RUN,
            )
            for _, place in shown
        ]
        if any(cell.value is not None for cell in cells):
            lines.append(Row(cells=(Cell(text=who.label), *map(without_spread, cells))))
    return TableModel(
        name="main",
        title="main",
        columns=(Column(title="method", align="left"), *(Column(title=head) for head, _ in shown)),
        rows=tuple(lines),
        footnotes=footnotes(rows, (cell for line in lines for cell in line.cells)),
    )


def block(results: Results) -> str:
    """What the README shows: the main table, what its numbers are, and the figures."""
    model = main_table(results)
    images = results.table.groupby("dataset", sort=False, observed=True)["images"].max()
    names = dict.fromkeys(column.dataset for column in MAIN if column.dataset in images.index)
    sets = listed([f"{name} ({images[name]})" for name in names], most=9)
    said = (
        f"PSNR in dB by each task's protocol, means over the images of {sets}; seed {results.run.get('seed')}; "
        f"{hardware(results)}. **Best**, <u>second</u>; n/a: the method does not do the task. "
        "All levels, metrics and methods: [tables](results/reference/tables/report.md); "
        "how to make them again: [results](results/README.md)."
    )
    pictures = [f"![{about}](results/reference/figures/{name}.png)" for name, about in FIGURES.items()]
    return "\n\n".join([markdown.render(model), said, *pictures])


def readme(text: str, made: str) -> str:
    """The README with ``made`` between its marks.  Raises ValueError where they are missing."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"README.md lacks the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n\n{made}\n\n{END}{after}"


def tables(results: Results, folder: Path, catalogue: Catalogue) -> list[Path]:
    """Every level, metric and method as Markdown, LaTeX and CSV, and the facts of the runs."""
    options = report_options(catalogue)
    written = [*markdown.write(results, folder, options), *latex.write(results, folder, options)]
    written += [write_text(folder / f"{model.name}.csv", comma.render(model)) for model in long_tables(results)]
    return written


def facts(folder: Path = FOLDER) -> Mapping[str, object]:
    """The provenance of each file of records: command, date, machine, packages; the settings are in the run file."""
    runs = {path.name: read_records([path]).run for path in sorted(folder.glob("*.parquet"))}
    return {name: {key: value for key, value in run.items() if key != "config"} for name, run in runs.items()}


def figures(results: Results, folder: Path) -> list[Path]:
    """The figures of the README, PDF and PNG; without the baseline, which is 15 dB below all methods."""
    cs = (results.frame["task"] == "cs") & ~results.frame["method"].isin([*LEFT_OUT, "baseline"])
    mine = Results(frame=results.frame[cs], run=results.run)
    quarter = Results(frame=mine.frame[mine.frame["level"] == "ratio=0.25"], run=results.run)
    return [*quality_time(quarter, folder), *quality_level(mine, folder)]


def main() -> None:
    """Write everything anew and name the files."""
    results = records()
    shutil.rmtree(FOLDER / "tables", ignore_errors=True)  # tables that were divided anew have other names
    written = tables(results, FOLDER / "tables", load())
    written.append(write_text(FOLDER / "runs.json", json.dumps(facts(), indent=1, sort_keys=True) + "\n"))
    written += figures(results, FOLDER / "figures")
    written.append(write_text(README, readme(README.read_text(encoding="utf-8"), block(results))))
    sys.stdout.writelines(f"{path.relative_to(README.parent)}\n" for path in written)


if __name__ == "__main__":
    main()
