"""Settings and citations as a reader wants them, not as programs keep them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

_FIELD = re.compile(r"(\w+)\s*=\s*(\{(?:[^{}]|\{[^{}]*\})*\}|\"[^\"]*\"|\d+)")


def asked(ask: Any) -> str:
    """An entry of a selection as it is written on the command line: ``cs:ratio=0.1,0.25``; else its JSON."""
    if not isinstance(ask, Mapping) or "name" not in ask:
        return json.dumps(ask, ensure_ascii=False, default=str)
    values = ask.get("values") or {}
    parts = [f"{name}={','.join(map(str, v)) if isinstance(v, list | tuple) else v}" for name, v in values.items()]
    parts = ["all", *parts] if ask.get("all_levels") else parts
    return f"{ask['name']}:{','.join(parts)}" if parts else str(ask["name"])


def cited(entry: str) -> str:
    """A BibTeX entry as ``Rudin, Osher and Fatemi, Nonlinear total variation ..., Physica D 60, 1992``.

    What is not BibTeX stays as it is.
    """
    if not entry.lstrip().startswith("@"):
        return entry
    fields = {
        name.lower(): value.strip('{}"').replace("{", "").replace("}", "") for name, value in _FIELD.findall(entry)
    }
    venue = fields.get("journal") or fields.get("booktitle") or fields.get("publisher") or ""
    where = " ".join(part for part in (venue, fields.get("volume", "")) if part)
    parts = [_authors(fields.get("author", "")), fields.get("title", ""), where, fields.get("year", "")]
    return ", ".join(part for part in parts if part) or entry


def _authors(text: str) -> str:
    names = [name.partition(",")[0].strip() for name in text.split(" and ") if name.strip()]
    if len(names) > 3:
        return f"{names[0]} et al."
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)
