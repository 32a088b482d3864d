"""Every renderer against a golden file, and what must hold whatever the table."""

import csv
import io
import json
import re
from pathlib import Path

import pandas as pd
import pytest

from benchhost.report import (
    Cell,
    Column,
    Results,
    Row,
    TableModel,
    comma,
    latex,
    long_tables,
    machine,
    markdown,
    terminal,
    terminal_table,
    wide_tables,
)
from benchhost.report.synthetic import synthetic
from tests.report.golden_files import same

NASTY = "a_b%c&d#e$f{g}h~i^j\\k|l<m>n*o[p]q`r\"s't--u,,v é λ ± → ∞ 日 \n w"


@pytest.fixture
def nasty() -> TableModel:
    """Every character with a meaning somewhere, in every place where text can stand."""
    cell = Cell(text=NASTY, value=1.0, spread="2", count="(1/2)", style="best", marks=("‡",))
    return TableModel(
        name="nasty",
        title=NASTY,
        caption=NASTY,
        columns=(Column(title=NASTY, align="left"), Column(title=NASTY, groups=(NASTY,))),
        rows=(Row(cells=(Cell(text=NASTY), cell)), Row(cells=(Cell(text="[x]"), cell), rule_above=True)),
        footnotes={"‡": NASTY},
    )


def test_terminal_report_is_as_agreed(holed):
    same("terminal.txt", terminal(holed, colour=False) + "\n")


def test_coloured_terminal_table_is_as_agreed(whole):
    same("terminal-colour.txt", terminal_table.render(long_tables(whole)[1], colour=True) + "\n")


def test_wide_terminal_table_is_as_agreed(whole):
    same("terminal-wide.txt", terminal_table.render(wide_tables(whole)[0]) + "\n")


def test_markdown_report_is_as_agreed(holed, tmp_path):
    (path,) = markdown.write(holed, tmp_path)
    same("report.md", path.read_text(encoding="utf-8"))


def test_latex_table_is_as_agreed(holed):
    same("table.tex", latex.render(wide_tables(holed)[0]) + "\n")


def test_csv_table_is_as_agreed(holed):
    same("table.csv", comma.render(long_tables(holed)[0]))


def test_summary_file_is_as_agreed(whole, tmp_path):
    summary, _ = machine.write_json(whole, tmp_path)
    same("summary.json", summary.read_text(encoding="utf-8"))


def test_terminal_says_failures_first_and_skips_last(holed):
    lines = terminal(holed, colour=False).splitlines()
    kinds = [line.split()[0] for line in lines if line.startswith(("oom", "timeout", "skipped"))]
    assert kinds == ["oom", "timeout", "skipped"]
    oom = next(line for line in lines if line.startswith("oom"))
    assert "6 of 24  tv: memory cap 4 GB exceeded" in oom
    assert "cs ratio=0.1 on set-a: image01" in oom


def test_terminal_colour_is_off_where_nobody_sees_it(whole, monkeypatch):
    monkeypatch.setattr("sys.stdout", io.StringIO())
    assert "\x1b[" not in terminal(whole)


def test_terminal_obeys_no_color(whole, monkeypatch):
    class Tty(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr("sys.stdout", Tty())
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1m" in terminal(whole)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b[" not in terminal(whole)


def test_terminal_of_a_run_without_cells_says_so():
    assert "no cells" in terminal(Results(frame=synthetic().frame.iloc[:0]))


def test_many_kinds_of_failure_are_cut_with_their_count(whole):
    frame = whole.frame.copy()
    frame["status"], frame["value"] = "failed", float("nan")
    frame["reason"] = ["boom " + key for key in frame["key"]]
    text = terminal(Results(frame=frame), colour=False)
    assert "... and 52 more kinds of failure" in text


def test_a_reason_of_many_lines_shows_its_first(whole):
    frame = whole.frame.copy()
    frame.loc[frame["method"] == "tv", ["status", "value", "reason"]] = ["failed", float("nan"), "E: first\nsecond"]
    assert "tv: E: first (" in terminal(Results(frame=frame), colour=False)


def test_metrics_without_value_are_told(whole):
    frame = whole.frame.copy()
    mine = (frame["metric"] == "ssim") & (frame["task"] == "cs")
    frame.loc[mine, ["value", "reason"]] = [float("nan"), "an image of 4x4 is smaller than the window"]
    text = terminal(Results(frame=frame), colour=False)
    assert "no value 48 cells  ssim/wang@1 on cs: an image of 4x4 is smaller than the window" in text


def test_markdown_rows_have_one_cell_per_column_whatever_the_text(nasty):
    table = markdown.render(nasty).split("\n\n")[0].splitlines()
    assert len(table) == 4
    assert {len(re.split(r"(?<!\\)\|", line)) for line in table} == {4}


def test_markdown_shows_text_as_it_is(nasty):
    table = markdown.render(nasty)
    assert r"a\_b" in table
    assert r"\*o\[p\]q\`r" in table
    assert r"k\|l\<m\>n" in table


def test_csv_survives_a_round_trip_with_all_digits(holed):
    model = long_tables(holed)[0]
    table = pd.read_csv(io.StringIO(comma.render(model)))
    first = holed.table[(holed.table["method"] == "dip") & holed.table["primary"]].iloc[0]
    mine = table[(table["method"] == "dip:iterations=500") & (table["level"] == first["level"])].iloc[0]
    assert float(mine["PSNR [dB] ↑"]) == first["mean"]
    assert mine["PSNR [dB] ↑ sd"] == first["sd"]
    assert table["level"].notna().all()


def test_csv_quotes_what_needs_it(nasty):
    rows = list(csv.reader(io.StringIO(comma.render(nasty))))
    assert {len(row) for row in rows} == {2}
    assert rows[1][0] == NASTY


def test_latex_leaves_no_character_with_a_meaning(nasty):
    text = latex.escape(NASTY)
    bare = re.sub(r"\\textquotesingle\{\}|\\[a-zA-Z]+\{\}|\$\\?[a-zA-Z]+\$|\\[{}$&#%_]|\{[\[\]*]\}|\{\}", "", text)
    assert not set(bare) & set("\\{}$&#%_^~<>|\"'`*[]")
    assert "--" not in text
    assert ",," not in text


def test_json_has_no_nan_and_holds_the_facts(holed, tmp_path):
    summary, scores = machine.write_json(holed, tmp_path)
    facts = json.loads(summary.read_text("utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert facts["run"]["command"].startswith("benchhost run")
    rows = json.loads(scores.read_text("utf-8"), parse_constant=lambda name: pytest.fail(name))
    assert len(rows) == len(holed.frame)
    assert {row["value"] for row in rows if row["status"] != "ok"} == {None}


def test_parquet_returns_the_frame_and_the_traces(holed, tmp_path):
    scores, traces = machine.write_parquet(holed, tmp_path)
    back = pd.read_parquet(scores)
    assert list(back.columns) == list(holed.frame.columns)
    pd.testing.assert_series_equal(back["value"], holed.frame["value"])
    assert len(pd.read_parquet(traces)) == len(holed.traces)
    assert len(machine.write_parquet(Results(frame=holed.frame), tmp_path / "more")) == 1


def test_csv_reporter_writes_every_row(holed, tmp_path):
    *tables, scores = comma.write(holed, tmp_path)
    assert [path.name for path in tables] == ["table-cs.csv", "table-denoise.csv"]
    assert len(pd.read_csv(scores)) == len(holed.frame)


def test_a_report_is_written_whole_or_not_at_all(tmp_path):
    from benchhost.report.files import write_text, write_with

    path = write_text(tmp_path / "deep" / "file.txt", "before")

    def breaks(aside: Path) -> None:
        aside.write_text("half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_with(path, breaks)
    assert path.read_text() == "before"
    assert [p.name for p in path.parent.iterdir()] == ["file.txt"]
