"""``benchhost report --to html``: writes, names, opens, and takes a number of images."""

import webbrowser
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchhost.cli.report import report


@pytest.fixture
def call(run_results, tmp_path, monkeypatch):
    """Run the command on the real run; returns its result and the addresses that a browser was asked to open."""
    folder = run_results[0].run["results"]

    def called(*arguments, browser=True):
        opened = []
        monkeypatch.setattr(webbrowser, "open", lambda address: opened.append(address) or browser)
        options = ["--results", folder, "--out", str(tmp_path), "--plugin", "benchhost.testing.faults"]
        return CliRunner().invoke(report, [*options, *arguments]), opened

    return called


def test_open_writes_the_report_and_opens_its_first_page(call, tmp_path):
    done, opened = call("--open", "--images", "1")
    index = tmp_path / "html" / "index.html"
    assert done.exit_code == 0, done.output
    assert opened == [index.resolve().as_uri()]
    first, *_, last = done.output.splitlines()
    assert Path(first) == index
    assert last.endswith(f"more files below {tmp_path}")
    page = (tmp_path / "html" / "pages" / "denoise-sigma-25-embedded-grey.html").read_text(encoding="utf-8")
    assert "Pictures of the first 1 of 3 images" in page


def test_without_a_browser_the_address_is_printed(call, tmp_path):
    done, _ = call("--open", "--images", "0", browser=False)
    assert f"open {(tmp_path / 'html' / 'index.html').resolve().as_uri()}" in done.output
    assert not (tmp_path / "html" / "pictures").exists()


def test_a_number_of_images_that_is_none_is_refused(call):
    done, _ = call("--to", "html", "--images", "many")
    assert done.exit_code == 2
    assert "'many' is neither a number of images nor 'all'" in done.output


def test_markdown_stays_the_default_and_opens_nothing(call, tmp_path):
    done, opened = call()
    assert [path.name for path in tmp_path.iterdir()] == ["report.md"]
    assert (done.exit_code, opened) == (0, [])
