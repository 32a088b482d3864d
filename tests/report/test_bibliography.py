"""BibTeX: from citations that are BibTeX, from the file by name, or as a note."""

from types import SimpleNamespace

from benchhost.plugins import load
from benchhost.report import latex
from benchhost.report.bibliography import Bibliography, citations, entries
from benchhost.report.synthetic import synthetic


def test_a_citation_that_is_bibtex_is_taken_as_it_is():
    found = Bibliography(citations={"method:tv": "@article{rof, title={A {TV} model}, year={1992}}"})
    assert found.keys("method:tv") == ("rof",)
    assert found.text() == "@article{rof, title={A {TV} model}, year={1992}}\n"


def test_a_built_in_name_is_found_in_the_file():
    found = Bibliography()
    assert found.keys("method:dip") == ("ulyanov2018dip",)
    assert "benchhost" not in found.text()
    assert entries(found.text()).keys() == {"ulyanov2018dip"}


def test_any_other_citation_becomes_a_note():
    found = Bibliography(citations={"method:my_net": "A & B, 100 % {net}, 2030"})
    assert found.keys("method:my_net") == ("method-my-net",)
    assert found.text() == "@misc{method-my-net,\n  note = {A \\& B, 100 \\% (net), 2030}\n}\n"


def test_nothing_cited_gives_no_entry():
    found = Bibliography()
    assert found.keys("method:mine") == ()
    assert found.used == {}


def test_one_key_for_two_things_is_told_apart():
    found = Bibliography(citations={"method:a": "@misc{x, note={1}}", "method:b": "@misc{x, note={2}}"})
    assert found.keys("method:a") == ("x",)
    assert found.keys("method:b") == ("x-2",)
    assert found.keys("method:a") == ("x",)
    assert len(entries(found.text())) == 2


def test_citations_are_collected_from_specs():
    specs = [SimpleNamespace(name="x", citation="X 2020")]
    assert citations(specs, specs) == {"method:x": "X 2020", "dataset:x": "X 2020"}


def test_every_built_in_method_and_data_set_that_cites_has_an_entry():
    catalogue = load()
    found = Bibliography(citations=citations(catalogue.methods.values(), catalogue.datasets.values()))
    for kind, specs in (("method", catalogue.methods), ("dataset", catalogue.datasets)):
        for name, spec in specs.items():
            if spec.citation:
                assert found.keys(f"{kind}:{name}"), name
    assert len(entries(found.text())) == len(found.used)


def test_a_report_has_the_entries_of_its_methods_and_data_sets(tmp_path):
    results = synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("set11",), methods=("tv", "dip"))
    written = latex.write(results, tmp_path, {"citations": {"method:tv": "@article{rof, title={x}}"}})
    (bib,) = [path for path in written if path.name == "references.bib"]
    assert entries(bib.read_text()).keys() == {"rof", "ulyanov2018dip", "kulkarni2016reconnet"}
    table = next(path for path in written if path.name == "cs-psnr.tex").read_text()
    assert "tv~\\cite{rof}" in table
    assert "set11~\\cite{kulkarni2016reconnet}" in table
