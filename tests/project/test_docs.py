"""What the documentation shows works: the example plugins pass the contract check, the run file is read."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def blocks(path, language):
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / path).read_text(), re.DOTALL)


@pytest.mark.parametrize(
    ("page", "file"), [("docs/how-to/write-a-method.md", "mine.py"), ("docs/how-to/write-a-task.md", "pool.py")]
)
def test_the_example_plugin_passes_the_contract_check(page, file, tmp_path):
    (tmp_path / file).write_text(blocks(page, "python")[0])
    command = [sys.executable, "-m", "benchhost", "check", file]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_example_run_file_is_valid(tmp_path):
    from benchhost.config import read_toml

    (tmp_path / "bench.toml").write_text(blocks("docs/reference/command-line.md", "toml")[0])
    assert read_toml(tmp_path / "bench.toml")["limit"] == 5


def test_links_between_pages_lead_somewhere():
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    for page in pages:
        for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
            assert (page.parent / link).exists(), f"{page.relative_to(ROOT)} -> {link}"
