"""The local pool: hands cells to child processes, watches their limits, and turns every end into a record."""

from __future__ import annotations

import selectors
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from benchhost.execute import wire
from benchhost.execute.launch import Launcher, wait_until_ended
from benchhost.execute.limits import Census, Tree, cores
from benchhost.execute.options import Options
from benchhost.execute.queues import JOIN_ABOVE, Work
from benchhost.execute.reasons import kernel_kills
from benchhost.execute.record import now
from benchhost.execute.stopping import Stop
from benchhost.execute.worker import Worker

if TYPE_CHECKING:
    from benchhost.plan import Cell
    from benchhost.types import Dataset

TICK = 0.05  # seconds between looks at memory and clocks
PAUSE = 0.005  # seconds between two readings of what children say: of trivial cells, several are heard of at once
AHEAD = 2  # cells a child holds: the one it works on, and the next
AHEAD_SECONDS, MOST_AHEAD = 0.2, 64  # and of quick ones as many as it does in that time
Deliver = Callable[["Cell", dict[str, Any]], None]


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
        stop: Stop | None = None,
        idle: Callable[[], None] = lambda: None,
    ) -> None:
        self._options = options
        self._stop = stop or Stop()
        self._datasets = datasets
        self._deliver = deliver
        self._modules = modules
        self._idle = idle
        self._workers: list[Worker] = []
        self._census = Census()
        self._cores = cores()

    def run(self, works: Sequence[Work]) -> None:
        """Run all batches to their end, in the given order; asked to stop, finish the cells that have begun."""
        self._pending = deque(works)
        self._heard = 0.0
        self._launcher = Launcher(self._options, self._modules)
        try:
            while True:
                self._fill()
                if not self._workers and not self._pending:
                    return
                if self._stop.asked and self._drained():
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
        while len(self._workers) < self._options.workers and not self._stop.asked:
            work = self._next()
            if work is None:
                return
            work.started = True
            worker = Worker(self._launcher.start(), work, kernel_kills(), work.ready[0])
            worker.since = worker.begun = time.monotonic()
            worker.begun_at = now()
            self._workers.append(worker)
            wire.send(worker.child.connection, self._start_message(work))
            self._top_up(worker)

    def _next(self) -> Work | None:
        """A batch nobody works on; without one, the batch with most work left, if a further worker is worth it."""
        while self._pending:
            work = self._pending.popleft()
            if work.more():
                return work
        best, most = None, JOIN_ABOVE
        for worker in self._workers:
            left = worker.work.left(time.monotonic() - worker.since)
            if worker.phase and left > most:
                best, most = worker.work, left
        return best if best is not None and best.more() else None

    def _start_message(self, work: Work) -> dict[str, Any]:
        options = self._options
        return {
            "kind": work.kind,
            "first": work.ready[0].to_json(),
            "dataset": wire.dataset_to_json(self._datasets[work.ready[0].dataset], work.images),
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

    def _top_up(self, worker: Worker) -> None:
        try:
            ahead = worker.work.quantity(AHEAD_SECONDS, AHEAD, MOST_AHEAD)
            while len(worker.held) < ahead and (cell := worker.work.take()) is not None:
                worker.held.append(cell)
                wire.send(worker.child.connection, {"cell": wire.cell_to_json(cell, worker.first)})
            if not worker.told_end and not worker.work.more():
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

    def _listen(self, worker: Worker) -> None:
        done = worker.work.done
        for message in worker.child.inbox.messages():
            if message["event"] == "bye":
                worker.said_bye = True
            elif worker.verdict is not None or worker.dismissed:
                continue  # it was told to end: what it still says about the cell comes too late
            elif message["event"] == "phase":
                worker.phase, worker.since = message["phase"], time.monotonic()
            elif message["event"] == "record":
                self._finished(worker, message["record"])
        if self._stop.asked and worker.work.done > done:
            self._dismiss(worker)

    def _finished(self, worker: Worker, record: dict[str, Any]) -> None:
        cell = worker.held.popleft()
        moment = time.monotonic()
        worker.work.spent += moment - worker.begun
        worker.work.done += 1
        worker.begun, worker.since, worker.begun_at = moment, moment, now()
        worker.phase, worker.peak_gb = "pose", 0.0
        if not self._stop.asked:
            self._top_up(worker)
        self._deliver(cell, record)

    def _drained(self) -> bool:
        """Whether nothing that had begun is still running, or the time for it is over."""
        for worker in self._workers:
            if not worker.phase:
                self._dismiss(worker)
        return self._stop.overdue or all(worker.dismissed for worker in self._workers)

    def _dismiss(self, worker: Worker) -> None:
        """End a child that has nothing in hand; the cell it was given ahead stays without a record."""
        worker.dismissed = True
        worker.held.clear()
        if worker.tree is not None:
            worker.tree.kill()

    # ---------------------------------------------------------------------------------------------- watching

    def _watch(self, worker: Worker) -> None:
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

    def _ended(self, worker: Worker) -> None:
        """A child is gone: say why of the cell it had in hand, and put back what it had not begun."""
        self._workers.remove(worker)
        self._listen(worker)
        if worker.tree is not None:
            worker.tree.kill()  # descendants it left behind
        clean = worker.said_bye or worker.child.code is None  # None: it went down with the fork server
        if worker.held and not clean:
            cell = worker.held.popleft()
            record = worker.post_mortem(cell, self._options)
            if worker.phase in ("load", "setup"):
                # The batch's other images would load and set up the same method: no use in waiting for each to fail.
                worker.work.doomed = record["status"], f"{record['reason']}; met on {cell.image}, not tried again"
            self._deliver(cell, record)
        worker.work.put_back(worker.held)
        worker.child.close()
        if self._stop.asked:
            return
        if worker.work.doomed is not None:
            while (cell := worker.work.take()) is not None:
                self._deliver(cell, worker.record_of(cell, self._options, *worker.work.doomed))
        elif not any(other.work is worker.work for other in self._workers) and worker.work.more():
            self._pending.appendleft(worker.work)

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
