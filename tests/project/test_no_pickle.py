"""Nothing that the project reads can run code: no pickle, in any of the forms that libraries offer it in."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MODULES = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {"torch.load", "torch.save", "pandas.read_pickle", "torch.jit.load", "torch.package"}
METHODS = {"to_pickle"}


def pickling(source: str) -> list[str]:
    """What of a module's source could read or write pickles, as ``line: what``."""
    tree = ast.parse(source)
    names: dict[str, str] = {}  # what a name in the source stands for
    found = []

    def tell(node: ast.AST, what: str) -> None:
        found.append(f"{node.lineno}: {what}")

    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                names[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                if alias.name.partition(".")[0] in MODULES:
                    tell(node, alias.name)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                if node.module.partition(".")[0] in MODULES or f"{node.module}.{alias.name}" in CALLS:
                    tell(node, f"{node.module}.{alias.name}")
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            head, _, rest = ast.unparse(node).partition(".")
            full = f"{names.get(head, head)}.{rest}"
            if full in CALLS or node.attr in METHODS:
                tell(node, full)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            tell(node.value, "allow_pickle")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "import pickle",
        "import cloudpickle as c",
        "from pickle import loads",
        "import joblib.numpy_pickle",
        "import torch\ntorch.load('x')",
        "import torch as t\nt.load('x')",
        "from torch import load",
        "from torch import load as read",
        "import pandas as pd\npd.read_pickle('x')",
        "frame.to_pickle('x')",
        "import numpy as np\nnp.load('x', allow_pickle=True)",
        "import numpy as np\nnp.load('x', allow_pickle=flag)",
    ],
)
def test_each_form_is_found(source):
    assert pickling(source)


def test_harmless_words_are_not_taken_for_it():
    source = "import numpy as np\nnp.load('x', allow_pickle=False)\nfrom safetensors.torch import load\ncards.load('x')"
    assert pickling(source) == []


def test_no_module_of_the_project_pickles():
    # Tests apart, which make pickles to see them refused.
    folders = ("benchhost", "plugins", "docs", "results")
    sources = [path for folder in folders for path in (ROOT / folder).rglob("*.py") if "tests" not in path.parts]
    assert len(sources) > 200
    found = {str(path.relative_to(ROOT)): pickling(path.read_text()) for path in sources}
    assert {path: what for path, what in found.items() if what} == {}
