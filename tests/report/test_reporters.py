"""The built-in output formats: registered, resolvable, cheap to list, each writing below its folder only."""

import subprocess
import sys

import pytest

from benchhost.builtins.reporters import benchhost_reporters
from benchhost.plugins import resolve
from benchhost.report.synthetic import synthetic

REPORTERS = {reporter.name: reporter for reporter in benchhost_reporters()}


def test_the_formats_are_those_of_the_manual():
    assert set(REPORTERS) == {"markdown", "latex", "csv", "json", "parquet", "figures", "html"}


@pytest.mark.parametrize("reporter", REPORTERS.values(), ids=REPORTERS)
def test_a_reporter_names_exactly_what_it_wrote(reporter, tmp_path):
    results = synthetic(tasks={"cs": ("ratio=0.1",)}, datasets=("d",))
    written = resolve(reporter.target)(results, tmp_path / "out", {})
    assert written
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(written)


def test_listing_formats_imports_nothing_heavy():
    code = "import sys, benchhost.builtins.reporters as r; list(r.benchhost_reporters()); print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "numpy", "pandas", "matplotlib", "scipy"} & set(loaded)


def test_reports_import_neither_torch_nor_matplotlib():
    code = "import sys, benchhost.report; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"torch", "matplotlib", "skimage", "scipy"} & set(loaded)
