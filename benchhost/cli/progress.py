"""The progress bar of a run, on standard error: done, failed, time left."""

from __future__ import annotations

from collections import Counter
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from benchhost.plan import Cell, Plan
from benchhost.runs import FAILURES, Progress


class Display:
    """A context manager whose ``progress`` drives a rich bar; plain lines where standard error is no terminal."""

    def __init__(self) -> None:
        self.console = Console(stderr=True)
        self.bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
            console=self.console,
            disable=not self.console.is_terminal,
        )
        self.task = self.bar.add_task("running", total=None)
        self.failures: Counter[str] = Counter()
        self.progress = Progress(planned=self._planned, finished=self._finished, note=self._note)

    def __enter__(self) -> Display:
        self.bar.start()
        return self

    def __exit__(self, *exc: Any) -> None:
        self.bar.stop()

    def _planned(self, plan: Plan, cached: int) -> None:
        self.bar.update(self.task, total=len(plan.cells), completed=cached)
        self.console.print(f"{len(plan.cells)} cells, {cached} of them in the store already", highlight=False)
        for line in plan.left_out:
            self.console.print(f"left out: {line}", highlight=False, markup=False)

    def _finished(self, cell: Cell, record: dict[str, Any]) -> None:
        if record.get("kind") == "time":  # the cell has been counted; this is its timing pass
            self.bar.update(self.task, description=f"timing {cell.task} {cell.method}"[:40])
            return
        status = record["status"]
        name = f"{cell.method_label} on {cell.task} {cell.level}, {cell.dataset}/{cell.image}"
        if status in FAILURES:
            self.failures[status] += 1
            self.console.print(f"{status}: {name}: {record.get('reason', '')}", highlight=False, markup=False)
        failed = f" ({sum(self.failures.values())} failed)" if self.failures else ""
        self.bar.update(self.task, advance=1, description=f"{cell.task} {cell.method}{failed}"[:40])

    def _note(self, text: str) -> None:
        self.console.print(text, highlight=False, markup=False)
