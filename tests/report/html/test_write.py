"""The folder that the HTML reporter writes: complete, closed in itself, escaped, and of one mind with other formats."""

import dataclasses
import hashlib
import html
import json
import re
import time
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import benchhost.report.html
from benchhost.report import latex
from benchhost.report.html import overview, write
from benchhost.report.html.pages import LONGEST, light, unique
from benchhost.report.html.wording import asked, cited
from benchhost.report.model import number
from benchhost.report.synthetic import synthetic

from .conftest import EVIL, EVIL_DATASET, PLAIN

VENDORED = [Path(benchhost.report.html.__file__).parent / "vendor", Path(__file__).parent / "vendor"]


class Found(HTMLParser):
    """Tags with their attributes, and the text of every cell of a table."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.cells, self._open = [], [], False
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag in ("td", "th"):
            self.cells.append("")
            self._open = True

    def handle_endtag(self, tag):
        self._open = self._open and tag not in ("td", "th")

    def handle_data(self, data):
        if self._open:
            self.cells[-1] += data


def script(path):
    """The data of a file that pages load."""
    return json.loads(path.read_text(encoding="utf-8").partition("=")[2].rstrip().rstrip(";"))


def pages(folder):
    return [*folder.glob("*.html"), *folder.glob("pages/*.html")]


@pytest.fixture(scope="module")
def whole_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    results = synthetic(tasks={"cs": ("ratio=0.1", "ratio=0.25")})
    return results, write(results, folder, PLAIN), folder / "html"


def test_every_reference_of_every_page_lies_in_the_folder(evil):
    for page in pages(evil):
        for tag, attributes in Found(page.read_text(encoding="utf-8")).tags:
            for name in ("src", "href"):
                target = attributes.get(name, "")
                if target and not target.startswith("#"):
                    assert (page.parent / target).resolve().is_relative_to(evil.resolve()), (page.name, tag, target)
                    assert (page.parent / target).exists(), (page.name, tag, target)


def test_no_page_has_a_script_or_style_of_its_own_and_all_forbid_them(evil):
    for page in pages(evil):
        found = Found(page.read_text(encoding="utf-8")).tags
        assert all(attributes.get("src") for tag, attributes in found if tag == "script")
        assert not [tag for tag, attributes in found if tag == "style" or "style" in attributes]
        assert not [name for _, attributes in found for name in attributes if name.startswith("on")]
        (policy,) = [a["content"] for _, a in found if a.get("http-equiv") == "Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_names_reasons_and_commands_are_escaped(evil):
    for page in pages(evil):
        assert "<script>alert" not in page.read_text(encoding="utf-8")
    overview = (evil / "index.html").read_text(encoding="utf-8")
    assert html.escape(EVIL) in overview.replace("<wbr>", "")
    assert html.escape(EVIL_DATASET) in overview.replace("<wbr>", "").replace("&#39;", "'")


def test_files_are_named_safely_whatever_the_data_set_is_called(evil):
    for path in evil.rglob("*"):
        assert re.fullmatch(r"[A-Za-z0-9._-]+", path.name)
        assert ".." not in path.name


def test_page_names_differ_and_are_short():
    names = unique(["a", "a", "b" * 200, "b" * 199 + "c", "x-..-..-y"])
    assert len(set(names)) == 5
    assert max(map(len, names)) <= LONGEST
    assert names[-1] == "x-y"


def test_numbers_agree_with_latex_and_csv_to_the_digit(tmp_path):
    results = synthetic(metrics=("psnr", "ssim", "consistency"))
    write(results, tmp_path, PLAIN)
    shown, means = Counter(), Counter()
    for page in (tmp_path / "html" / "pages").glob("*.html"):
        cells = [" ".join(cell.split()) for cell in Found(page.read_text(encoding="utf-8")).cells if "±" in cell]
        shown.update(re.match(r"\S+ ± [^\s†‡]+", cell)[0] for cell in cells)
        means.update(cell.split()[0] for cell in cells)
    assert sum(shown.values()) == 3 * 2 * 3 * 3  # levels, data sets, methods, metrics
    printed = Counter()
    for path in latex.write(results, tmp_path / "again"):
        if path.suffix == ".tex" and path.stem != "main" and "time" not in path.stem:
            printed.update(printed_means(path.read_text(encoding="utf-8")))
    assert printed == means
    from_csv = Counter()
    for path in (tmp_path / "html" / "downloads").glob("table-*.csv"):
        table = pd.read_csv(path)
        for title, decimals in (("PSNR [dB] ↑", 2), ("SSIM ↑", 4), ("consistency", 4)):
            values = zip(table[title], table[f"{title} sd"], strict=True)
            from_csv.update(f"{number(a, decimals)} ± {number(b, decimals)}" for a, b in values)
    assert from_csv == shown


def printed_means(text):
    """The first number of every cell of a LaTeX table's body."""
    body = text.partition(r"\midrule")[2].partition(r"\bottomrule")[0]
    for cell in body.replace("\\\\", "&").split("&"):
        found = re.search(r"(?<![\w.=])\d+\.\d+(e-\d+)?", cell)
        if found:
            yield found[0]


def test_the_table_of_images_holds_every_value_of_the_frame_as_printed(whole_folder):
    results, _, folder = whole_folder
    frame = results.frame
    rows = frame[(frame["task"] == "cs") & (frame["level"] == "ratio=0.1") & (frame["dataset"] == "set-a")]
    data = script(folder / "data" / "cs-ratio-0.1-set-a.js")
    psnr = next(measure for measure in data["measures"] if measure["title"] == "PSNR [dB] ↑")
    assert data["rows"] == ["image00", "image01", "image02", "image03"]
    for method, line in zip(data["methods"], psnr["columns"], strict=True):
        mine = rows[(rows["method_label"] == method["label"]) & (rows["metric"] == "psnr")]
        assert line.split(" ") == [number(value, 2) for value in mine["value"]]


def test_a_hole_keeps_its_word_and_its_reason(holed, tmp_path):
    write(holed, tmp_path, PLAIN)
    data = script(tmp_path / "html" / "data" / "cs-ratio-0.1-set-a.js")
    labels = [method["label"] for method in data["methods"]]
    found = {(labels[method], data["rows"][row]): data["reasons"][reason] for method, row, reason in data["holes"]}
    assert found["tv", "image01"] == ["OOM", "memory cap 4 GB exceeded"]
    assert found["slow", "image03"] == ["T/O", "60 s per image"]
    assert ("tv", "image00") not in found
    assert "memory cap 4 GB exceeded" in (tmp_path / "html" / "index.html").read_text(encoding="utf-8")


def test_repeats_of_an_image_are_rows_of_their_own(tmp_path):
    write(synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("d",), images=2, repeats=3), tmp_path, PLAIN)
    data = script(tmp_path / "html" / "data" / "cs-ratio-0.1-d.js")
    assert data["rows"][:4] == [f"image00 · repeat {n}" for n in (1, 2, 3)] + ["image01 · repeat 1"]


def test_the_leaderboard_ranks_fair_rows_alone_and_shares_places_of_equals(tmp_path):
    results = synthetic(
        tasks={"cs": ("ratio=0.1",)},
        datasets=("d",),
        methods=("oracle", "baseline", "tv", "dip:iterations=500", "half"),
        failures={("half", "image00"): ("failed", "no")},
    )
    frame = results.frame
    twin = frame["method_label"] == "dip:iterations=500"
    frame.loc[twin, "value"] = frame.loc[frame["method_label"] == "tv", "value"].to_numpy()
    write(results, tmp_path, PLAIN)
    board = script(tmp_path / "html" / "data" / "leaderboard.js")
    assert {row[4]: row[5] for row in board["rows"]} == {
        "oracle": "",
        "baseline": "3",
        "tv": "1",
        "dip:iterations=500": "1",
        "half": "",
    }


def test_a_second_report_takes_away_what_it_no_longer_has(tmp_path):
    first = write(synthetic(datasets=("old",)), tmp_path, PLAIN)
    mine = tmp_path / "html" / "CNAME"
    mine.write_text("example.org")
    second = write(synthetic(datasets=("new",)), tmp_path, PLAIN)
    there = {path for path in (tmp_path / "html").rglob("*") if path.is_file()}
    assert there == {*second, mine}
    assert any("old" in path.name for path in first)
    assert not any("old" in path.name for path in there)


def test_an_overview_of_many_conditions_stays_light_and_says_what_it_leaves_out(tmp_path, monkeypatch):
    monkeypatch.setattr(overview, "MOST_CONDITIONS", 10)
    levels = tuple(f"level={n}" for n in range(13))
    methods = [f"method-with-a-long-name:parameter={n}" for n in range(4)]
    results = synthetic(tasks={"cs": levels}, datasets=("d",), images=2, methods=methods, metrics=("psnr",))
    write(results, tmp_path, PLAIN)
    folder = tmp_path / "html"
    text = (folder / "index.html").read_text(encoding="utf-8")
    assert "3 more conditions" in text
    assert len(list((folder / "pages").iterdir())) == 13
    table = text.partition("<tbody>")[2].partition("</tbody>")[0]
    loaded = len(text) + sum((folder / "assets" / name).stat().st_size for name in ("report.css", "report.js"))
    assert loaded + overview.MOST_CELLS * len(table) / (10 * 4) < 2e6  # bytes, were the table as large as it may be


def test_fifty_thousand_rows_become_pages_in_seconds_of_cpu_and_a_light_overview(tmp_path):
    """Two seconds when it was written."""
    levels = ("level=0", "level=1")
    methods = [f"method{number}" for number in range(20)]
    results = synthetic(tasks={"cs": levels, "sr": levels}, datasets=("a",), images=313, methods=methods)
    assert len(results.frame) > 50_000
    began = time.process_time()
    write(results, tmp_path, PLAIN)
    assert time.process_time() - began < 10
    assert (tmp_path / "html" / "index.html").stat().st_size < 2_000_000


def test_the_overview_lists_a_few_kinds_of_failure_and_counts_the_rest(tmp_path):
    failures = {("tv", f"image{n:02d}"): ("failed", f"NaN at pixel {n}") for n in range(40)}
    write(
        synthetic(tasks={"cs": ("a",)}, datasets=("d",), images=40, failures=failures, metrics=("psnr",)),
        tmp_path,
        PLAIN,
    )
    overview = (tmp_path / "html" / "index.html").read_text(encoding="utf-8")
    assert overview.count('class="why"') == 8
    assert "32 more kinds of failure" in overview
    assert (tmp_path / "html" / "failures.html").read_text(encoding="utf-8").count('class="why"') == 40


def test_an_empty_run_has_a_report(tmp_path):
    results = synthetic(images=0)
    assert write(results, tmp_path)[0].read_text(encoding="utf-8").count("No results")


def test_categories_change_no_number(whole):
    plain, quick = whole.table, light(whole).table
    for name in ("mean", "sd", "n", "cells", "median_seconds"):
        np.testing.assert_array_equal(plain[name].to_numpy(float), quick[name].to_numpy(float))
    assert plain["method_label"].astype(str).tolist() == quick["method_label"].astype(str).tolist()


def test_runs_that_shared_cells_show_them_once(tmp_path):
    results = synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("d",))
    both = dataclasses.replace(
        results, frame=pd.concat([results.frame, results.frame.assign(run_id="02SECOND")], ignore_index=True)
    )
    write(both, tmp_path, PLAIN)
    data = script(tmp_path / "html" / "data" / "cs-ratio-0.1-d.js")
    assert len(data["rows"]) == 4


def test_the_page_of_provenance_keeps_private_places_private(tmp_path):
    results = synthetic()
    secret = {"host": "my-laptop", "cpu": "Example CPU", "packages": {"numpy": "2.4"}, "git": {"commit": "abc"}}
    run = {
        **results.run,
        "environment": secret,
        "cwd": "/home/me/secret",
        "config": {"results": "/home/me/x", "limit": 3},
    }
    write(dataclasses.replace(results, run=run), tmp_path, PLAIN)
    text = (tmp_path / "html" / "provenance.html").read_text(encoding="utf-8")
    assert "Example CPU" in text
    assert "abc" in text
    for private in ("my-laptop", "/home/me"):
        assert private not in text


@pytest.mark.parametrize("folder", VENDORED, ids=["report", "tests"])
def test_vendored_files_are_those_of_the_recorded_packages(folder):
    for package in json.loads((folder / "versions.json").read_text(encoding="utf-8")).values():
        for name, (_, digest) in package["files"].items():
            assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == digest
        assert any("LICENSE" in name for name in package["files"])


def test_settings_and_citations_are_written_for_readers():
    assert asked({"name": "cs", "values": {"ratio": ["0.1", "0.25"]}, "all_levels": False, "label": ""}) == (
        "cs:ratio=0.1,0.25"
    )
    entry = (
        "@article{rof1992, author={Rudin, L. I. and Osher, S.}, title={{TV} denoising}, journal={Physica D}, "
        "volume={60}, year={1992}}"
    )
    assert cited(entry) == "Rudin and Osher, TV denoising, Physica D 60, 1992"
    assert cited("plain words") == "plain words"
