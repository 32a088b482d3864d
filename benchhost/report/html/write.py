"""The ``html`` reporter: from results to a folder that any browser opens and any static host serves."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost.report.closing import remarks
from benchhost.report.files import write_text, write_with
from benchhost.report.html import overview
from benchhost.report.html.downloads import downloads
from benchhost.report.html.figures import Picture, figures
from benchhost.report.html.leaderboard import leaderboard
from benchhost.report.html.pages import Page, light, pages
from benchhost.report.html.pictures import Painter, images_per_page
from benchhost.report.html.provenance import provenance
from benchhost.report.html.scores import grid, page_data
from benchhost.report.html.templates import environment
from benchhost.report.results import Results
from benchhost.report.wording import unavailable_lines
from benchhost.store.artifacts import FOLDER as RECONSTRUCTIONS

if TYPE_CHECKING:
    from benchhost.plugins import Catalogue

FOLDER = "html"
MARK = "report.json"
"""Lists the files of a report, so that the next one into the same folder can take away what it no longer has."""

ASSETS = {
    "assets": ("report.css", "report.js", "table.js", "leaderboard.js", "page.js", "viewer.js", "icon.svg"),
    "vendor": ("panzoom.min.js", "panzoom.LICENSE"),
}


def write(results: Results, folder: Path, options: Mapping[str, Any] | None = None) -> list[Path]:
    """Write the report below ``folder/html`` and return its files, ``index.html`` first.

    options, all of them optional:
    ``catalogue``: the loaded plugins, which pose problems again for the pictures; else those that the run names;
    ``images``: how many images of each page get pictures; None for the rule of pictures.py, -1 for all;
    ``results``: the folder of the results, where it was moved since the run;
    ``figures``: False draws none, which is most of the time of a small report.
    """
    options = options or {}
    return _Report(results, Path(folder) / FOLDER, options).write()


class _Report:
    def __init__(self, results: Results, target: Path, options: Mapping[str, Any]) -> None:
        self.original, self.results, self.target, self.options = results, light(results), target, options
        self.pages = pages(self.results)
        self.written: list[Path] = []
        self.templates = environment()
        self.shared: dict[str, Any] = {}

    def write(self) -> list[Path]:
        results = self.results
        self._assets()
        drawn, figure_note = (
            figures(results, self.target / "figures") if self.options.get("figures", True) else ([], "")
        )
        self.written += [path for picture in drawn for path in (picture.png, picture.pdf) if path]
        kinds, total = overview.failures(results, self.pages)
        self.shared = {"facts": overview.facts(results)}
        self._render("overview.html", "index.html", **self._overview(kinds, total, drawn))
        self._render("leaderboard.html", "leaderboard.html")
        self._data("data/leaderboard.js", "leaderboard", leaderboard(self.pages))
        self._render("figures.html", "figures.html", figures=[self._figure(p) for p in drawn], note=figure_note)
        self._render("failures.html", "failures.html", failures=kinds, total=total)
        self._render("provenance.html", "provenance.html", **provenance(results, self.catalogue))
        self._pages(drawn)
        files = downloads(results, self.original, self.target / "downloads", self.options)
        self.written += [file.path for file in files]
        listed = [{"name": f.path.name, "href": self._href(f.path), "about": f.about, "size": f.size} for f in files]
        self._render("downloads.html", "downloads.html", files=listed)
        return self._finish()

    @cached_property
    def catalogue(self) -> Catalogue | None:
        """The plugins of the run, or None where they cannot be loaded (the report then does without pictures)."""
        given = self.options.get("catalogue")
        if given is not None:
            return given
        from benchhost.errors import BenchhostError
        from benchhost.plugins import load

        config = self.results.run.get("config")
        named = config.get("plugins", ()) if isinstance(config, Mapping) else ()
        try:
            return load(tuple(named))
        except (BenchhostError, ImportError, OSError):
            return None

    def _overview(self, kinds: Sequence[Mapping[str, Any]], total: int, drawn: Sequence[Picture]) -> dict[str, Any]:
        teaser = [self._figure(picture) for picture in drawn if picture.png.stem.startswith("quality-time")][:2]
        return {
            "failures": kinds[: overview.MOST_KINDS],
            "more": max(0, total - overview.MOST_KINDS),
            "unavailable": unavailable_lines(self.results.frame),
            "tables": overview.glance(self.pages),
            "remarks": remarks(self.results, colour=True),
            "figures": teaser,
        }

    def _pages(self, drawn: Sequence[Picture]) -> None:
        painter = Painter(self._needed, self._stored(), self.target)
        asked = self.options.get("images")
        most = images_per_page(self.pages) if asked is None else None if asked < 0 else asked
        for n, page in enumerate(self.pages):
            where = grid(page)
            data = page_data(page, where)
            pictures = painter.paint(page, where, most)
            self._data(f"data/{page.slug}.js", "page", {**data, "pictures": pictures.shown})
            level = page.place[0], page.place[2]
            failed, kinds = overview.failures(_of_page(self.results, page), [], most=overview.MOST_KINDS)
            self._render(
                "page.html",
                f"pages/{page.slug}.html",
                root="../",
                page=page,
                data=data,
                pictures=pictures,
                table=page.table,
                figures=[self._figure(picture) for picture in drawn if picture.level == level],
                failures=failed,
                more_failures=kinds - len(failed),
                before=self.pages[n - 1] if n else None,
                after=self.pages[n + 1] if n + 1 < len(self.pages) else None,
                siblings=[other for other in self.pages if other.place[0] == page.place[0]][:24],
            )
        self.written += painter.written.values()

    def _stored(self) -> Path:
        """The folder that holds the reconstructions: where the results lie now, or where the run put them."""
        places = [Path(str(place)) for place in (self.options.get("results"), self.results.run.get("results")) if place]
        return next((place for place in places if (place / RECONSTRUCTIONS).is_dir()), Path("."))

    def _needed(self) -> Catalogue:
        if self.catalogue is None:
            raise LookupError("the plugins of this run are not installed here")
        return self.catalogue

    def _figure(self, picture: Picture) -> dict[str, Any]:
        return {
            "src": self._href(picture.png),
            "pdf": self._href(picture.pdf) if picture.pdf else "",
            "title": picture.title,
            "about": picture.about,
            "width": picture.size[0],
            "height": picture.size[1],
        }

    def _assets(self) -> None:
        package = files("benchhost.report.html")
        for source, names in ASSETS.items():
            for name in names:
                data = package.joinpath(source, name).read_bytes()
                path = self.target / "assets" / name
                self.written.append(write_with(path, lambda aside, data=data: aside.write_bytes(data)))

    def _render(self, template: str, name: str, *, root: str = "", **values: Any) -> None:
        text = self.templates.get_template(template).render(root=root, name=name, **self.shared, **values)
        self.written.append(write_text(self.target / name, text))

    def _data(self, name: str, variable: str, data: Any) -> None:
        """Data as a script: the one thing that a page opened from ``file://`` can load."""
        text = json.dumps(data, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
        self.written.append(write_text(self.target / name, f"window.benchhost_{variable}={text};\n"))

    def _href(self, path: Path) -> str:
        return path.relative_to(self.target).as_posix()

    def _finish(self) -> list[Path]:
        """Take away what an earlier report into this folder left behind; index.html first."""
        mark = self.target / MARK
        names = sorted({self._href(path) for path in self.written} | {MARK})
        if mark.exists():
            for name in set(json.loads(mark.read_text(encoding="utf-8"))) - set(names):
                (self.target / name).unlink(missing_ok=True)
        self.written.append(write_text(mark, json.dumps(names, indent=0) + "\n"))
        index = self.target / "index.html"
        return [index, *(path for path in dict.fromkeys(self.written) if path != index)]


def _of_page(results: Results, page: Page) -> Results:
    return Results(frame=page.frame, run=results.run)
