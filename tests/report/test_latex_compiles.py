"""Every LaTeX table compiles as it comes out; skipped with the reason where no TeX is installed."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from benchhost.report import latex
from benchhost.report.bibliography import Bibliography
from benchhost.report.papers import PAPERS, paper
from benchhost.report.synthetic import synthetic
from tests.report.golden_files import GOLDEN
from tests.report.test_layouts import like_a_paper
from tests.report.test_renderers import nasty  # noqa: F401  a fixture


@pytest.fixture(scope="module")
def pdflatex() -> str:
    """pdflatex with every package that a report needs."""
    command = shutil.which("pdflatex")
    if command is None:
        pytest.skip("pdflatex is not installed")
    for package in ("booktabs", "xcolor", "pdflscape"):
        if subprocess.run(["kpsewhich", f"{package}.sty"], capture_output=True).returncode:
            pytest.skip(f"the LaTeX installation has no {package}")
    return command


def compiled(pdflatex: str, main: Path, *, bibtex: bool = False) -> str:
    """The log of the last of the runs, which must all succeed."""

    def run(*command: str) -> str:
        done = subprocess.run([*command], cwd=main.parent, capture_output=True, timeout=120)
        log = done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")
        assert done.returncode == 0, log[-2000:]
        return log

    tex = (pdflatex, "-interaction=nonstopmode", "-halt-on-error", main.name)
    log = run(*tex)
    if bibtex:
        run("bibtex", main.stem)
        run(*tex)
        log = run(*tex)
    assert main.with_suffix(".pdf").stat().st_size > 10_000
    return log


def document(folder: Path, *fragments: str) -> Path:
    main = folder / "main.tex"
    text = "\n\n".join([latex.PREAMBLE + "\\begin{document}", *fragments, "\\end{document}"])
    main.write_text(text + "\n", encoding="utf-8")
    return main


def test_a_report_compiles_fits_the_page_and_resolves_its_citations(holed, pdflatex, tmp_path):
    main, *tables = latex.write(
        holed, tmp_path, {"citations": {"method:tv": "@article{rof, title={Of TV}, year={1992}}"}}
    )
    assert [path.name for path in tables[:2]] == ["cs-psnr.tex", "cs-ssim-1.tex"]
    log = compiled(pdflatex, main, bibtex=True)
    assert not re.findall(r"Overfull .hbox.*", log)
    assert "undefined" not in log
    assert "{rof}" in (main.parent / "main.bbl").read_text()


def test_every_golden_table_compiles_and_fits_the_page(pdflatex, tmp_path):
    fragments = sorted(GOLDEN.glob("*.tex"))
    assert len(fragments) >= 9
    log = compiled(pdflatex, document(tmp_path, *(path.read_text("utf-8") for path in fragments)))
    assert not re.findall(r"Overfull .hbox.*", log)


def test_every_paper_s_tables_compile_with_published_rows(pdflatex, tmp_path):
    conditions = {
        "rim": ({"denoise": (15, 25)}, ("bsd68",), "sigma"),
        "dip": ({"sr": (4,)}, ("set5", "set14"), "scale"),
        "nsr": ({"sr": (2, 4)}, ("set5", "urban100"), "scale"),
        "ddnm": ({"cs": (0.1, 0.25)}, ("set11", "urban100"), "ratio"),
        "idm": ({"cs": (0.1,)}, ("set11",), "ratio"),
    }
    assert set(conditions) == set(PAPERS)
    bibliography, fragments = Bibliography(), []
    for name, condition in conditions.items():
        models = paper(name, like_a_paper(*condition), bibliography, reported=True)
        assert any(row.reported for model in models for row in model.rows), name
        fragments += map(latex.render, models)
    (tmp_path / "references.bib").write_text(bibliography.text(), encoding="utf-8")
    fragments.append("\\bibliographystyle{plain}\\bibliography{references}")
    log = compiled(pdflatex, document(tmp_path, *fragments), bibtex=True)
    assert "undefined" not in log
    assert not re.findall(r"Overfull .hbox.*", log)


def test_long_levels_over_pairs_and_in_the_list_of_failures_fit_the_page(pdflatex, tmp_path):
    blurs = [f"kernel={kernel},std=1.6,sigma={sigma}" for kernel, sigma in (("motion", 2.55), ("motion", 7.65))]
    tasks = {"deblur": ("kernel=gaussian,std=1.6,sigma=2.55", *blurs), "jpeg": tuple(f"quality={q}" for q in (10, 20))}
    tasks |= {"ct": ("views=20", "views=30", "views=60", "views=90"), "mri": ("acceleration=4", "acceleration=8")}
    failures = {("dct", "*"): ("skipped", "dct removes white noise; 'deblur' measures through an operator")}
    methods = ("baseline", "ddnm_plus", "dct")
    results = synthetic(tasks=tasks, datasets=("embedded-grey",), images=2, methods=methods, failures=failures)
    main, *_ = latex.write(results, tmp_path, {"layout": "landscape,pairs"})
    assert not re.findall(r"Overfull .hbox.*", compiled(pdflatex, main, bibtex=True))


def test_any_text_compiles(nasty, pdflatex, tmp_path):  # noqa: F811
    compiled(pdflatex, document(tmp_path, latex.render(nasty)))


def test_a_method_with_a_citation_full_of_signs_compiles(pdflatex, tmp_path):
    results = synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("d",), methods=("mine", "tv"))
    main, *_ = latex.write(results, tmp_path, {"citations": {"method:mine": "A & B_c: 100 % #1 {x} \\y $z"}})
    assert "undefined" not in compiled(pdflatex, main, bibtex=True)
