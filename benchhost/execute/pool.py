"""The local pool: hands cells to child processes, watches their limits, and turns every end into a record."""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from benchhost.execute import wire
from benchhost.execute.launch import Child, Launcher, wait_until_ended
from benchhost.execute.limits import Census, Tree, cores
from benchhost.execute.options import Options
from benchhost.execute.queues import JOIN_ABOVE, Work
from benchhost.execute.reasons import explain_exit, kernel_kills
from benchhost.execute.record import blank, now

if TYPE_CHECKING:
    from benchhost.plan import Cell
    from benchhost.types import Dataset

TICK = 0.05  # seconds between looks at memory and clocks
PAUSE = 0.005  # seconds between two readings of what children say: of trivial cells, several are heard of at once
AHEAD = 2  # cells a child holds: the one it works on, and the next
AHEAD_SECONDS, MOST_AHEAD = 0.2, 64  # and of quick ones as many as it does in that time
Deliver = Callable[["Cell", dict[str, Any]], None]


@dataclass(eq=False)
class _Worker:
    """A child, the batch it works on, and what is known of its present cell."""

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


class Pool:
    """Runs batches in at most ``options.workers`` children at once; ``deliver`` gets every record in this process.

    idle: called between looks at the children, at least every TICK seconds.

    Whatever raises in here, ``deliver`` included, and KeyboardInterrupt, ends all children before it passes on.
    """

    def __init__(
        self,
        options: Options,
        datasets: Mapping[str, Dataset],
        deliver: Deliver,
        *,
        modules: Sequence[str] = (),
        idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._options = options
        self._datasets = datasets
        self._deliver = deliver
        self._modules = modules
        self._idle = idle
        self._workers: list[_Worker] = []
        self._census = Census()
        self._cores = cores()

    def run(self, works: Sequence[Work]) -> None:
        """Run all batches to their end, in the given order."""
        self._pending = deque(works)
        self._heard = 0.0
        self._launcher = Launcher(self._options, self._modules)
        try:
            while True:
                self._fill()
                if not self._workers and not self._pending:
                    return
                self._wait()
                self._idle()
                self._launcher.poll()
                for worker in list(self._workers):
                    self._listen(worker)
                    if worker.child.ended:
                        self._ended(worker)
                    else:
                        self._watch(worker)
        finally:
            self._abandon()

    # ------------------------------------------------------------------------------------------- handing out

    def _fill(self) -> None:
        while len(self._workers) < self._options.workers:
            work = self._next()
            if work is None:
                return
            work.started = True
            worker = _Worker(self._launcher.start(), work, kernel_kills(), work.waiting[0])
            worker.since = worker.begun = time.monotonic()
            worker.begun_at = now()
            self._workers.append(worker)
            wire.send(worker.child.connection, self._start_message(work))
            self._top_up(worker)

    def _next(self) -> Work | None:
        """A batch nobody works on; without one, the batch with most work left, if a further worker is worth it."""
        while self._pending:
            work = self._pending.popleft()
            if work.waiting:
                return work
        best, most = None, JOIN_ABOVE
        for worker in self._workers:
            left = worker.work.left(time.monotonic() - worker.since)
            if worker.work.waiting and worker.phase and left > most:
                best, most = worker.work, left
        return best

    def _start_message(self, work: Work) -> dict[str, Any]:
        options = self._options
        return {
            "kind": work.kind,
            "first": work.waiting[0].to_json(),
            "dataset": wire.dataset_to_json(self._datasets[work.waiting[0].dataset], work.images),
            "plugins": list(options.plugins),
            "installed": options.installed,
            "results": str(options.results),
            "device": options.device,
            "threads": options.threads,
            "timeout_s": options.timeout_s,
            "memory_gb": options.memory_gb,
            "save": options.save,
            "cores": self._cores,
            "alone": options.workers == 1,
        }

    def _top_up(self, worker: _Worker) -> None:
        try:
            ahead = worker.work.quantity(AHEAD_SECONDS, AHEAD, MOST_AHEAD)
            while worker.work.waiting and len(worker.held) < ahead:
                cell = worker.work.waiting.popleft()
                worker.held.append(cell)
                wire.send(worker.child.connection, {"cell": wire.cell_to_json(cell, worker.first)})
            if not worker.work.waiting and not worker.told_end:
                worker.told_end = True
                wire.send(worker.child.connection, {"end": True})
        except OSError:  # it has just died; its end will be noticed, and what it held goes back
            pass

    # --------------------------------------------------------------------------------------------- listening

    def _wait(self) -> None:
        time.sleep(max(0.0, self._heard + PAUSE - time.monotonic()))
        with selectors.DefaultSelector() as selector:
            for connection in (*(w.child.connection for w in self._workers), *self._launcher.sockets):
                selector.register(connection, selectors.EVENT_READ)
            if not any(worker.child.inbox.closed for worker in self._workers):
                selector.select(TICK)
                self._heard = time.monotonic()
            else:
                time.sleep(0.002)  # a closed connection is always readable: its process is about to be reaped

    def _listen(self, worker: _Worker) -> None:
        for message in worker.child.inbox.messages():
            if message["event"] == "bye":
                worker.said_bye = True
            elif worker.verdict is not None:
                continue  # it was told to end: what it still says about the cell comes too late
            elif message["event"] == "phase":
                worker.phase, worker.since = message["phase"], time.monotonic()
            elif message["event"] == "record":
                self._finished(worker, message["record"])

    def _finished(self, worker: _Worker, record: dict[str, Any]) -> None:
        cell = worker.held.popleft()
        moment = time.monotonic()
        worker.work.spent += moment - worker.begun
        worker.work.done += 1
        worker.begun, worker.since, worker.begun_at = moment, moment, now()
        worker.phase, worker.peak_gb = "pose", 0.0
        self._top_up(worker)
        self._deliver(cell, record)

    # ---------------------------------------------------------------------------------------------- watching

    def _watch(self, worker: _Worker) -> None:
        child, moment = worker.child, time.monotonic()
        if child.pid is None:
            return
        if worker.tree is None:
            worker.tree = Tree(child.pid, self._census)
            worker.since = worker.begun = moment
        if worker.verdict is not None:
            if worker.kill_at is not None and moment > worker.kill_at:
                worker.tree.kill()
                worker.kill_at = None
            return
        if moment > worker.looked + TICK:
            worker.looked = moment
            child.cut_log()
            used, cap = worker.tree.rss_gb(), self._options.memory_gb
            worker.peak_gb = max(worker.peak_gb, used)
            if used > cap:
                worker.verdict = "oom", f"memory limit of {cap:g} GB exceeded ({used:.2f} GB in use)"
                worker.tree.kill()
                return
        limit = self._limit(worker.phase)
        if limit is not None and worker.held and moment - worker.since > limit:
            doing = worker.phase or "start"
            worker.verdict = "timeout", f"{limit:g} s per image exceeded during {doing}"
            worker.kill_at = moment + self._options.grace_s
            worker.tree.terminate()

    def _limit(self, phase: str) -> float | None:
        limit = self._options.timeout_s
        if limit is None or phase == "reconstruct":
            return limit
        return max(limit, self._options.preparation_s)

    def _ended(self, worker: _Worker) -> None:
        """A child is gone: say why of the cell it had in hand, and put back what it had not begun."""
        self._workers.remove(worker)
        self._listen(worker)
        if worker.tree is not None:
            worker.tree.kill()  # descendants it left behind
        clean = worker.said_bye or worker.child.code is None  # None: it went down with the fork server
        if worker.held and not clean:
            cell = worker.held.popleft()
            record = self._post_mortem(worker, cell)
            if worker.phase in ("load", "setup"):
                # The batch's other images would load and set up the same method: no use in waiting for each to fail.
                worker.work.doomed = record["status"], f"{record['reason']}; met on {cell.image}, not tried again"
            self._deliver(cell, record)
        worker.work.waiting.extendleft(reversed(worker.held))
        worker.child.close()
        if worker.work.doomed is not None:
            while worker.work.waiting:
                cell = worker.work.waiting.popleft()
                record = blank(cell, kind=worker.work.kind, device=self._options.device, threads=self._options.threads)
                record["status"], record["reason"] = worker.work.doomed
                record["finished_at"] = now()
                self._deliver(cell, record)
        elif worker.work.waiting and not any(other.work is worker.work for other in self._workers):
            self._pending.appendleft(worker.work)

    def _post_mortem(self, worker: _Worker, cell: Cell) -> dict[str, Any]:
        code = worker.child.code
        record = blank(cell, kind=worker.work.kind, device=self._options.device, threads=self._options.threads)
        status, reason = worker.verdict or explain_exit(
            code, worker.phase, kernel_killed=kernel_kills() > worker.kernel_kills
        )
        record.update(
            status=status,
            reason=reason,
            seconds=round(time.monotonic() - worker.begun, 3),
            peak_rss_mb=round(worker.peak_gb * 1024, 1) or None,
            exit_code=code if code is not None and code >= 0 else None,
            signal=-code if code is not None and code < 0 else None,
            exception={"type": status, "message": reason, "traceback": worker.child.output()},
            started_at=worker.begun_at,
            finished_at=now(),
        )
        return record

    def _abandon(self) -> None:
        """End whatever still runs, at once."""
        self._launcher.poll()
        left = [worker.child for worker in self._workers]
        for worker in self._workers:
            if worker.child.pid is not None and not worker.child.ended:
                Tree(worker.child.pid, self._census).kill()
        wait_until_ended([child for child in left if child.pid is not None], self._launcher, 1.0)
        self._launcher.close()
        for child in left:
            child.close()
        self._workers.clear()
