"""Content keys: the same content gives the same key on every machine, any change of content another one."""

import hashlib
import importlib.util
import json
from functools import cache
from pathlib import Path
from typing import Any

from benchhost.errors import PluginError

KEY_VERSION = 1

# Host modules that can change a measurement, or a reconstruction, of an unchanged plugin.
_MEASUREMENT_SOURCES = ("physics", "data", "seeds.py", "types.py")
_RECONSTRUCTION_SOURCES = ("physics", "nets", "cell.py", "seeds.py", "types.py")
_SOURCE_SUFFIXES = frozenset({".py", ".json", ".toml", ".pyi", ".c", ".cpp", ".cu"})


def canonical(value: Any) -> str:
    """Canonical JSON: sorted keys, no white space, floats by repr, no NaN, integers and equal floats kept apart."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=True)


def digest(*parts: Any) -> str:
    """BLAKE2b-160 (40 hex digits) of the canonical JSON of ``parts`` under the current KEY_VERSION."""
    text = canonical([KEY_VERSION, *parts])
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()


@cache
def code_digest(target: str) -> str:
    """sha256 over every source file of the top-level package (or the single module) that ``target`` lives in.

    benchopt hashes the solver's file alone and returns old numbers once a shared module has changed; the whole
    package costs milliseconds.
    """
    top = target.partition(":")[0].partition(".")[0]
    spec = importlib.util.find_spec(top)
    if spec is None:
        raise PluginError(f"'{target}': no module named '{top}'")
    if spec.submodule_search_locations:
        return sources_digest(tuple(sorted(map(str, spec.submodule_search_locations))))
    return sources_digest((str(spec.origin),))


@cache
def sources_digest(roots: tuple[str, ...]) -> str:
    """sha256 over relative names and bytes of the source files below ``roots`` (folders or files)."""
    total = hashlib.sha256()
    for root in map(Path, roots):
        files = [root] if root.is_file() else sorted(p for p in root.rglob("*") if p.suffix in _SOURCE_SUFFIXES)
        for path in files:
            if "__pycache__" in path.parts:
                continue
            name = path.name if path == root else path.relative_to(root).as_posix()
            data = path.read_bytes()
            total.update(f"{name}\0{len(data)}\0".encode())
            total.update(data)
    return total.hexdigest()


def _host(names: tuple[str, ...]) -> str:
    here = Path(__file__).parent
    return sources_digest(tuple(str(here / name) for name in names if (here / name).exists()))


def measurement_code(task_target: str) -> str:
    """Digest of all code that a measurement depends on."""
    return digest(_host(_MEASUREMENT_SOURCES), code_digest(task_target))


def reconstruction_code(method_target: str) -> str:
    """Digest of all code that a reconstruction depends on, beyond its measurement."""
    return digest(_host(_RECONSTRUCTION_SOURCES), code_digest(method_target))


def reader_code(reader: str) -> str:
    """Digest of a dataset reader's code; "" for the host's own, which :func:`measurement_code` holds.

    The host's whole package would move every key with every edit of a report or a command.
    """
    return "" if not reader or reader.partition(".")[0] == "benchhost" else code_digest(reader)


def clear() -> None:
    """Forget remembered digests; a process that lives on after sources changed (a notebook) calls this per run."""
    code_digest.cache_clear()
    sources_digest.cache_clear()
