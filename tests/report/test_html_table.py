"""HTML tables: everything escaped, every row as wide as the head, numbers with all their digits."""

from html.parser import HTMLParser

import pytest

from benchhost.report import Cell, Column, Row, TableModel, htmltable, long_tables, wide_tables
from tests.report.golden_files import same

NASTY = "<script>alert('x')</script> & \"q\" \\ 日"


class Reader(HTMLParser):
    """Tags with their attributes, texts, and the width of every row."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.widths: list[int] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.widths.append(0)
        if tag in ("td", "th"):
            self.widths[-1] += int(dict(attrs).get("colspan") or 1)
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)


def test_html_table_is_as_agreed(holed):
    same("table.html", htmltable.render(wide_tables(holed)[0]) + "\n")


def test_every_text_is_escaped_wherever_it_stands():
    cell = Cell(text=NASTY, spread=NASTY, count=NASTY, style="best", marks=(NASTY,), reason=NASTY)
    table = TableModel(
        name=NASTY,
        title=NASTY,
        caption=NASTY,
        columns=(Column(title=NASTY, align="left"), Column(title=NASTY, groups=(NASTY,))),
        rows=(Row(cells=(cell, cell)),),
        footnotes={NASTY: NASTY},
    )
    found = Reader(htmltable.render(table))
    assert "script" not in {tag for tag, _ in found.tags}
    assert sum(NASTY in text for text in found.texts) == 1 + 3 + 2 * 4 + 2
    assert {attrs["title"] for _, attrs in found.tags if "title" in attrs} == {NASTY}
    assert found.tags[0][1]["id"] == NASTY


def test_every_row_is_as_wide_as_the_head(holed):
    for table in [*wide_tables(holed), *long_tables(holed)]:
        found = Reader(htmltable.render(table))
        assert set(found.widths) == {len(table.columns)}
        assert found.open == []


def test_numbers_keep_all_their_digits_for_sorting(whole):
    table = wide_tables(whole)[0]
    found = Reader(htmltable.render(table))
    values = [float(attrs["data-value"]) for tag, attrs in found.tags if tag == "td" and "data-value" in attrs]
    assert values == [cell.value for row in table.rows for cell in row.cells if cell.value is not None]


def test_infinity_is_written_as_scripts_read_it():
    cells = (Cell(text="∞", value=float("inf")), Cell(text="−∞", value=float("-inf")))
    table = TableModel(name="t", title="", columns=(Column(title="x"), Column(title="y")), rows=(Row(cells=cells),))
    found = [attrs["data-value"] for tag, attrs in Reader(htmltable.render(table)).tags if tag == "td"]
    assert found == ["Infinity", "-Infinity"]


@pytest.mark.parametrize(("higher", "said"), [(True, "higher"), (False, "lower"), (None, None)])
def test_a_column_says_which_way_is_better(higher, said):
    table = TableModel(name="t", title="", columns=(Column(title="x", higher_is_better=higher),), rows=())
    (head,) = [attrs for tag, attrs in Reader(htmltable.render(table)).tags if tag == "th"]
    assert head.get("data-better") == said


def test_rows_say_whether_they_are_set_off_or_only_reported():
    cells = (Cell(text="1"),)
    rows = (Row(cells=cells), Row(cells=cells, rule_above=True), Row(cells=cells, reported=True))
    table = TableModel(name="t", title="", columns=(Column(title="x"),), rows=rows)
    found = [attrs.get("class") for tag, attrs in Reader(htmltable.render(table)).tags if tag == "tr"]
    assert found == [None, None, "rule", "reported"]
