"""The bibliography of a report: BibTeX entries of the methods and data sets in its tables.

An entry comes from the plugin or card where its ``citation`` is BibTeX (it starts with ``@``), else from
``references.bib`` by the name of the method or data set, else it is ``@misc`` with the citation as its note.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

FILE = Path(__file__).with_name("references.bib")
_HEAD = re.compile(r"@(\w+)\s*\{\s*([^,\s]+)\s*,")
_FOR = re.compile(r",?\s*benchhost\s*=\s*\{([^}]*)\}")
_SPECIAL = re.compile(r"([&%$#_])")


@dataclass
class Bibliography:
    """Looks up entries and remembers which were asked for.

    citations: ``method:NAME`` or ``dataset:NAME`` -> the citation that the plugin or card gives.
    """

    citations: Mapping[str, str] = field(default_factory=dict)
    used: dict[str, str] = field(default_factory=dict)

    def keys(self, name: str) -> tuple[str, ...]:
        """Keys of the entries for ``method:NAME`` or ``dataset:NAME``; none where nothing is cited."""
        citation = self.citations.get(name, "").strip()
        if citation.startswith("@"):
            return tuple(self._add(key, text) for key, text in entries(citation).items())
        own = _by_name().get(name, ())
        if own:
            return tuple(self.entry(key) for key in own)
        if not citation:
            return ()
        key = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
        note = _SPECIAL.sub(r"\\\1", citation.replace("{", "(").replace("}", ")").replace("\\", "/"))
        return (self._add(key, f"@misc{{{key},\n  note = {{{note}}}\n}}"),)

    def entry(self, key: str) -> str:
        """Use the entry of that key in ``references.bib``; returns the key."""
        return self._add(key, _own()[key])

    def text(self) -> str:
        """Everything asked for, as a .bib file, in the order of keys."""
        return "\n\n".join(self.used[key] for key in sorted(self.used)) + "\n"

    def _add(self, key: str, text: str) -> str:
        known, number = key, 2
        while self.used.setdefault(known, _renamed(text, known)) != _renamed(text, known):
            known, number = f"{key}-{number}", number + 1  # two plugins chose one key for different things
        return known


def citations(methods: Iterable[object], datasets: Iterable[object]) -> dict[str, str]:
    """What :class:`Bibliography` needs, from specs with ``name`` and ``citation``."""
    found = {f"method:{spec.name}": spec.citation for spec in methods}
    return found | {f"dataset:{spec.name}": spec.citation for spec in datasets}


def entries(text: str) -> dict[str, str]:
    """Entries of a .bib text by key, braces balanced; what stands between entries is left out."""
    found = {}
    for head in _HEAD.finditer(text):
        depth, end = 0, head.start()
        for end in range(head.start(), len(text)):
            depth += {"{": 1, "}": -1}.get(text[end], 0)
            if depth == 0 and text[end] == "}":
                break
        found[head.group(2)] = text[head.start() : end + 1]
    return found


def short(key: str) -> str:
    """``Chen et al. 2025``, of an entry in ``references.bib``: for renderers that have no bibliography."""
    text = _own()[key]
    authors = re.search(r"author = \{(.*)\}", text).group(1).split(" and ")
    year = re.search(r"year = \{(.*)\}", text)
    names = [re.sub(r"[{}]", "", author).partition(",")[0] for author in authors]
    said = names[0] if len(names) == 1 else " and ".join(names) if len(names) == 2 else f"{names[0]} et al."
    return f"{said} {year.group(1)}" if year else said


def _renamed(text: str, key: str) -> str:
    return _HEAD.sub(lambda head: f"@{head.group(1)}{{{key},", text, count=1)


@cache
def _own() -> dict[str, str]:
    return {key: _FOR.sub("", text) for key, text in entries(FILE.read_text(encoding="utf-8")).items()}


@cache
def _by_name() -> dict[str, tuple[str, ...]]:
    names: dict[str, tuple[str, ...]] = {}
    for key, text in entries(FILE.read_text(encoding="utf-8")).items():
        for said in _FOR.findall(text):
            for name in said.split():
                names[name] = (*names.get(name, ()), key)
    return names
