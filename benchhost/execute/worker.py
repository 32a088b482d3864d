"""What the pool knows of one child: its batch, the cells it holds, and, when it has died, what to say of it."""

from __future__ import annotations

import time
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchhost.execute.launch import Child
from benchhost.execute.limits import Tree
from benchhost.execute.options import Options
from benchhost.execute.queues import Work
from benchhost.execute.reasons import explain_exit, kernel_kills
from benchhost.execute.record import blank, now

if TYPE_CHECKING:
    from benchhost.plan import Cell


@dataclass(eq=False)
class Worker:
    """A child, the batch it works on, and what is known of its present cell.

    first: the cell that the others of the batch are told by their differences from.
    held: the cell in hand and those sent ahead.
    """

    child: Child
    work: Work
    kernel_kills: int
    first: Cell
    held: deque[Cell] = field(default_factory=deque)
    tree: Tree | None = None
    phase: str = ""
    since: float = 0.0
    begun: float = 0.0
    begun_at: str = ""
    verdict: tuple[str, str] | None = None
    kill_at: float | None = None
    looked: float = 0.0
    peak_gb: float = 0.0
    said_bye: bool = False
    told_end: bool = False
    dismissed: bool = False

    def record_of(self, cell: Cell, options: Options, status: str, reason: str) -> dict[str, Any]:
        """The record of a cell that this child said nothing of."""
        record = blank(cell, kind=self.work.kind, device=options.device, threads=options.threads)
        record.update(status=status, reason=reason, finished_at=now())
        return record

    def post_mortem(self, cell: Cell, options: Options) -> dict[str, Any]:
        """The record of the cell that the child had in hand when it ended."""
        code = self.child.code
        status, reason = self.verdict or explain_exit(
            code, self.phase, kernel_killed=kernel_kills() > self.kernel_kills
        )
        record = self.record_of(cell, options, status, reason)
        record.update(
            seconds=round(time.monotonic() - self.begun, 3),
            peak_rss_mb=round(self.peak_gb * 1024, 1) or None,
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            exception={"type": status, "message": reason, "traceback": self.child.output()},
            started_at=self.begun_at,
        )
        return record
