"""The repository holds together: entry points, hooks, modules, licences of what is bundled."""

import inspect
import re
import tomllib
from pathlib import Path

import pytest

from benchhost import hookspecs

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
BUNDLED = {p.split("/")[1] for p in PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"] if "/" in p}
HOOKS = sorted(name for name in dir(hookspecs) if name.startswith("benchhost_"))


def test_root_and_bundled_plugins_declare_the_same_entry_points():
    own = {}
    for name in BUNDLED:
        data = tomllib.loads((ROOT / "plugins" / name / "pyproject.toml").read_text())
        assert data["project"]["name"] == f"benchhost-{name}"
        own |= data["project"]["entry-points"]["benchhost"]
    assert own == PROJECT["project"]["entry-points"]["benchhost"]


@pytest.mark.parametrize("hook", HOOKS)
def test_every_hook_is_documented_with_its_signature(hook):
    text = (ROOT / "docs/reference/hooks.md").read_text()
    arguments = ", ".join(inspect.signature(getattr(hookspecs, hook)).parameters)
    assert f"`{hook}({arguments})`" in text


def test_every_command_is_documented():
    from benchhost.cli.main import COMMANDS

    text = (ROOT / "docs/reference/command-line.md").read_text()
    assert [name for name in COMMANDS if f"`benchhost {name}" not in text] == []


def sources():
    return [p for folder in ("benchhost", "plugins", "tests") for p in (ROOT / folder).rglob("*.py")]


def test_no_module_outgrows_its_reader():
    long = {str(p.relative_to(ROOT)): n for p in sources() if (n := len(p.read_text().splitlines())) > 350}
    assert long == {}


def test_no_global_seed_is_set_in_the_product():
    forbidden = re.compile(r"(torch\.manual_seed|np\.random\.seed|random\.seed)\(")
    # execute/contract.py seeds them around a method's setup and puts them back as they were; training/loop.py owns its
    # process, and dropout inside a network has no other generator.
    product = [
        p for p in sources() if not {"tests", "testing"} & set(p.parts) and p.name not in ("contract.py", "loop.py")
    ]
    assert [str(p.relative_to(ROOT)) for p in product if forbidden.search(p.read_text())] == []
