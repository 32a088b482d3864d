"""What is left to do: batches longest first, their cells in order, and idle workers joining a long batch."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from benchhost.execute.record import Kind
from benchhost.keys import canonical

if TYPE_CHECKING:
    from benchhost.plan import Cell

JOIN_ABOVE = 1.0  # seconds of work left in a batch that make a further worker worth its start
PORTION_SECONDS, PORTION_MOST = 1.0, 64  # what is claimed at once: others may want to share the rest
Estimates = Mapping[tuple[str, str, str, str], float]


@dataclass(eq=False)
class Work:
    """A batch of cells and how far it has got.

    waiting: cells that nobody has claimed yet; ready: claimed, not handed out.
    claim: tells which of some cells are ours to run, while other coordinators work on the same store.
    spent and done: seconds and number of those finished in this run.
    doomed: status and reason for the cells left, when loading or setting up the method ended its process.
    """

    waiting: deque[Cell]
    kind: Kind = "run"
    claim: Callable[[list[Cell]], list[Cell]] = list
    ready: deque[Cell] = field(default_factory=deque)
    started: bool = False
    spent: float = 0.0
    done: int = 0
    doomed: tuple[str, str] | None = None
    images: set[str] = field(default_factory=set)

    def left(self, running_since: float) -> float:
        """Seconds of work that wait, by the mean of what is done, or by how long the first cell has taken so far."""
        mean = self.spent / self.done if self.done else running_since
        return mean * (len(self.waiting) + len(self.ready))

    def more(self) -> bool:
        """Whether a cell is there to be taken; claims a portion of those that wait where none is ready."""
        while not self.ready and self.waiting:
            mean = self.spent / self.done if self.done else PORTION_SECONDS
            portion = min(len(self.waiting), PORTION_MOST, max(1, int(PORTION_SECONDS / max(mean, 1e-6))))
            self.ready.extend(self.claim([self.waiting.popleft() for _ in range(portion)]))
        return bool(self.ready)

    def take(self) -> Cell | None:
        """The next cell to run, None where none is left for us."""
        return self.ready.popleft() if self.more() else None

    def put_back(self, cells: Sequence[Cell]) -> None:
        """Cells that were taken and not begun come first again."""
        self.ready.extendleft(reversed(cells))

    def quantity(self, seconds: float, least: int, most: int) -> int:
        """How many cells take ``seconds``, between ``least`` and ``most``; ``least`` while none is done."""
        return min(most, max(least, int(seconds * self.done / self.spent))) if self.spent else least


def batches(cells: Iterable[Cell], kind: Kind = "run") -> list[Work]:
    """Cells grouped by what shares a task, a dataset and a method, in order of first appearance."""
    groups: dict[tuple[object, ...], Work] = {}
    written: dict[int, str] = {}

    def text(values: Mapping[str, object]) -> str:
        if id(values) not in written:
            written[id(values)] = canonical(dict(values))
        return written[id(values)]

    for cell in cells:
        shared = (cell.task, text(cell.task_params), cell.dataset, cell.method, text(cell.method_params), cell.repeat,
                  cell.seed, cell.metrics)  # fmt: skip
        work = groups.setdefault(shared, Work(deque(), kind))
        work.waiting.append(cell)
        work.images.add(cell.image)
    return list(groups.values())


def longest_first(works: Sequence[Work], estimates: Estimates) -> list[Work]:
    """Batches by expected duration; those never timed come first, in the order of the plan: they may be the longest."""

    def expected(work: Work) -> float:
        cell = work.waiting[0]
        name = (cell.task, cell.dataset, cell.method, canonical(dict(cell.method_params)))
        return estimates.get(name, float("inf")) * len(work.waiting)

    return sorted(works, key=expected, reverse=True)
