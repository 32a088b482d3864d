"""What the two arguments of ``benchhost compare`` name: a run, a commit, a results folder, or a method of a run."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost.errors import UsageError, unknown

if TYPE_CHECKING:
    import pandas as pd

    from benchhost.store import Store

_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, kw_only=True)
class Side:
    """Rows to compare, and where they come from.

    method: whether the rows are those of one method of a run.
    """

    label: str
    frame: pd.DataFrame
    run: dict[str, Any]
    method: bool


def find_side(text: str, *, store: Store | None, run_id: str | None) -> Side:
    """The rows that ``text`` names: FOLDER or FOLDER:RUN, a run, a commit, or a method of ``run_id`` (the latest).

    store: that of --results; None where there is none, then only folders can be found.
    """
    folder, _, chosen = text.rpartition(":") if ":" in text else (text, "", "")
    if (Path(folder) / "benchhost.sqlite").is_file():
        from benchhost.cli.open_store import open_store

        with open_store(Path(folder)) as opened:
            return _run(opened, chosen or None, label=text)
    if store is None:
        raise UsageError(f"'{text}' is no results folder, and there are no results here; give --results")
    runs = store.runs()
    ids = runs["run_id"].astype(str).tolist()
    if text in ids:
        return _run(store, text, label=text)
    if _COMMIT.fullmatch(text):
        for known in reversed(ids):
            if _commit(store.run(known)).startswith(text):
                return _run(store, known, label=f"{text} (run {known})")
    side = _run(store, run_id, label=text)
    for column in ("method_label", "method"):
        mine = (side.frame[column].astype(str) == text).to_numpy()
        labels = side.frame.loc[mine, "method_label"].astype(str).unique()
        if len(labels) > 1:
            raise UsageError(f"'{text}' stands for several methods of the run; choose {' or '.join(map(repr, labels))}")
        if len(labels):
            return Side(label=text, frame=side.frame[mine], run=side.run, method=True)
    known = [*ids, *side.frame["method_label"].astype(str).unique()]
    raise unknown("run, commit, results folder or method", text, known)


def _run(store: Store, run_id: str | None, *, label: str) -> Side:
    run = store.run(run_id)
    return Side(label=label, frame=store.frame(run["run_id"]), run=run, method=False)


def _commit(run: dict[str, Any]) -> str:
    git = (run.get("environment") or {}).get("git") or {}
    return str(git.get("commit", ""))
