"""Where the numbers come from: command, settings, machine, protocols, data sets and methods, as lists of facts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchhost.report.aggregate import METHOD, METRIC
from benchhost.report.html.wording import asked, cited
from benchhost.report.results import Results

if TYPE_CHECKING:
    from benchhost.plugins import Catalogue

Facts = list[tuple[str, str]]

_MACHINE = ("cpu", "cores", "memory_gb", "gpu", "platform", "python", "torch", "benchhost")
_NAMES = {"cpu": "processor", "memory_gb": "memory [GB]", "gpu": "GPU", "torch": "PyTorch", "python": "Python"}
# Where the person who ran it keeps things is nobody's business on a public page.
_PRIVATE = ("host", "cwd", "results", "store")


def provenance(results: Results, catalogue: Catalogue | None) -> dict[str, Any]:
    """Everything on the page of that name, ready to be printed."""
    run = results.run
    environment = run.get("environment") or {}
    environment = environment if isinstance(environment, Mapping) else {}
    config = run.get("config") if isinstance(run.get("config"), Mapping) else {}
    return {
        "machine": _facts({name: environment.get(name) for name in _MACHINE}) + _rows(results),
        "git": _git(environment.get("git")),
        "threads": _facts(environment.get("thread_variables") or {}),
        "settings": _facts({name: value for name, value in config.items() if name not in _PRIVATE}),
        "packages": sorted((environment.get("packages") or {}).items(), key=lambda pair: pair[0].lower()),
        "protocols": _protocols(results, catalogue),
        "datasets": _datasets(results, catalogue),
        "methods": _methods(results, catalogue),
        "notes": [str(note) for note in run.get("notes") or []],
    }


def _facts(found: Mapping[str, Any]) -> Facts:
    return [(_NAMES.get(name, name.replace("_", " ")), _text(value)) for name, value in found.items() if _text(value)]


def _text(value: Any) -> str:
    if value is None or value == "" or value == [] or value == {} or value == ():
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(part if isinstance(part, str) else asked(part) for part in value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _rows(results: Results) -> Facts:
    """What the rows themselves say about the machine."""
    cells = results.cells
    facts = []
    for name, column in (("device", "device"), ("threads per cell", "threads")):
        values = [str(v) for v in cells[column].dropna().unique() if str(v)]
        if values:
            facts.append((name, ", ".join(values)))
    timed = cells[cells["status"] == "ok"]["timing_valid"].fillna(False).astype(bool)
    if len(timed):
        alone = int(timed.sum())
        facts.append(("times", f"{alone} of {len(timed)} cells were timed alone on the machine"))
    return facts


def _git(state: Any) -> str:
    if not isinstance(state, Mapping) or not state.get("commit"):
        return ""
    return f"{state['commit']}{' (with uncommitted changes)' if state.get('dirty') else ''}"


def _protocols(results: Results, catalogue: Catalogue | None) -> list[dict[str, str]]:
    known = catalogue.metrics if catalogue else {}
    first = results.table.drop_duplicates(["task", *METRIC])
    found = []
    for _, row in first.iterrows():
        id = f"{row['metric']}/{str(row['protocol']).partition('@')[0]}".rstrip("/")
        found.append(
            {
                "task": str(row["task"]),
                "id": f"{row['metric']}/{row['protocol']}",
                "summary": known[id].summary if id in known else "",
                "better": "higher" if row["higher_is_better"] else "lower",
                "unit": str(row["unit"] or ""),
                "primary": "yes" if row["primary"] else "",
            }
        )
    return found


def _datasets(results: Results, catalogue: Catalogue | None) -> list[dict[str, str]]:
    known = catalogue.datasets if catalogue else {}
    counts = results.cells[["dataset", "image"]].drop_duplicates()["dataset"].value_counts(sort=False)
    found = []
    for name, count in counts.items():
        card = known.get(str(name))
        facts = {"name": str(name), "images": str(count), "title": "", "licence": "", "citation": "", "digest": ""}
        if card:
            facts |= {"title": card.title, "licence": card.licence, "digest": card.digest}
            facts["citation"] = cited(card.citation)
            facts["images"] = f"{count} of {len(card.items)}"
        found.append(facts)
    return found


def _methods(results: Results, catalogue: Catalogue | None) -> list[dict[str, str]]:
    known = catalogue.methods if catalogue else {}
    found = []
    for _, row in results.cells.drop_duplicates(METHOD).iterrows():
        spec = known.get(str(row["method"]))
        facts = {"label": str(row["method_label"]), "params": _params(str(row["method_params"]))}
        facts |= {"summary": "", "citation": "", "licence": "", "training": ""}
        if spec:
            trained = "undeclared" if spec.trained_on is None else ", ".join(spec.trained_on) or "none"
            facts |= {
                "summary": spec.summary,
                "citation": cited(spec.citation),
                "licence": spec.licence,
                "training": trained,
            }
        found.append(facts)
    return found


def _params(text: str) -> str:
    try:
        values: Sequence[tuple[str, Any]] = list(json.loads(text or "{}").items())
    except (ValueError, AttributeError):
        return text
    return ", ".join(f"{name}={value if isinstance(value, str) else json.dumps(value)}" for name, value in values)
