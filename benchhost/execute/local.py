"""Running cells on this machine: skip, compute, record; then, if asked, time everything once more in peace."""

from __future__ import annotations

import random
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchhost.errors import unknown
from benchhost.execute import limits
from benchhost.execute.delivery import Delivery, Pair
from benchhost.execute.options import Options
from benchhost.execute.queues import Work, batches, longest_first
from benchhost.execute.record import blank, now
from benchhost.execute.stopping import Stop
from benchhost.execute.timing import load1, quiet

if TYPE_CHECKING:
    from benchhost.plan import Cell
    from benchhost.plugins import Catalogue
    from benchhost.store import Store
    from benchhost.store.claims import Claims
    from benchhost.types import Dataset

Observer = Callable[["Cell", dict[str, Any]], None]
POLL_SECONDS = 0.5  # between looks at cells that other coordinators have claimed
SETTLE_SECONDS = 60.0  # how long a timing pass waits for the load of the pass before it to die down


def execute(
    cells: Sequence[Cell],
    *,
    store: Store,
    run_id: str,
    options: Options,
    observer: Observer = lambda cell, record: None,
    catalogue: Catalogue | None = None,
    again: Collection[str] | None = None,
    stop: Stop | None = None,
) -> Counter[str]:
    """Run every cell of ``cells`` and record what happened to it; returns how many ended in which status.

    Nothing is looked up: a cell that the store has already (``store.finished``) is computed again when it is given,
    and its key is in ``again`` (None: every key is).  A cell with a reason to skip it is not run.  ``observer`` is
    called with each cell and its record as it is stored.
    catalogue: the loaded plugins; loaded by ``options`` where it is not given.  Functions that exist in this process
    alone need ``isolation=False``.

    Other processes may run the same cells with the same store at the same time: each cell is computed by one of them,
    and counts as "elsewhere" in the others, which end when all cells are recorded.

    stop: once it is asked for, no more cells begin.  KeyboardInterrupt, SystemExit and whatever ``observer`` raises
    end all children first; what is recorded stays.
    """
    from benchhost.store.claims import Claims

    options = options.settled()
    session = _Session(store, run_id, options, observer, catalogue or _load(options), stop)
    todo = []
    for cell in {cell.key: cell for cell in cells}.values():
        if cell.skip:
            record = blank(cell, device=options.device)
            record.update(status="skipped", reason=cell.skip, finished_at=now())
            session.tell(cell, record)
        else:
            todo.append(cell)
    store.note(run_id, execution=options.facts())
    keys = [cell.key for cell in todo]
    with Claims(store, run_id, keys, again=again, stale_s=options.stale_s) as session.claims:
        session.run(longest_first(batches(todo), store.timings()))
        session.finish_elsewhere()
    if options.exclusive_timing and not session.stop.asked:
        session.time([cell for cell in todo if cell.key in session.ok])
    return session.counts


def time_again(
    cells: Sequence[Cell],
    *,
    store: Store,
    run_id: str,
    options: Options,
    observer: Observer = lambda cell, record: None,
    catalogue: Catalogue | None = None,
    stop: Stop | None = None,
) -> Counter[str]:
    """The timing pass alone, over cells that the store has: one worker, random order, nothing else is changed."""
    options = options.settled()
    session = _Session(store, run_id, options, observer, catalogue or _load(options), stop)
    session.time(cells)
    return session.counts


def rescore(
    cells: Sequence[Cell],
    *,
    store: Store,
    run_id: str,
    options: Options,
    observer: Observer = lambda cell, record: None,
    catalogue: Catalogue | None = None,
    stop: Stop | None = None,
) -> list[Cell]:
    """Score stored reconstructions with those of their cells' metrics that the store lacks; no method is run.

    Returns the cells whose reconstruction is no longer on disk, or no longer whole: they have to be computed again.
    """
    options = options.settled()
    session = _Session(store, run_id, options, observer, catalogue or _load(options), stop)
    lacking = store.lacking_metrics(cells, metrics=session.catalogue.metrics)
    asked = {cell.key: cell for cell in cells}
    session.run(batches([replace(asked[key], metrics=names) for key, names in lacking.items()], "score"))
    return [asked[key] for key in lacking if key not in session.ok]


class _Session:
    """One call's way through the cells: where records go, and what came of them."""

    def __init__(
        self,
        store: Store,
        run_id: str,
        options: Options,
        observer: Observer,
        catalogue: Catalogue,
        stop: Stop | None = None,
    ) -> None:
        self.store, self.run_id, self.options, self.observer = store, run_id, options, observer
        self.catalogue = catalogue
        self.stop = stop or Stop()
        self.claims: Claims | None = None
        self.counts: Counter[str] = Counter()
        self.ok: set[str] = set()
        self._delivery = Delivery(self.store_records, self.tell_outcome)

    def tell(self, cell: Cell, record: dict[str, Any]) -> None:
        """Count a record and show it to the observer."""
        if record["status"] == "ok":
            self.ok.add(cell.key)
        if record["kind"] != "time":
            self.counts[record["status"]] += 1
        self.observer(cell, record)

    def deliver(self, cell: Cell, record: dict[str, Any]) -> None:
        """Store a record, with others that come at about the same time, then tell of it."""
        self._delivery.add(cell, record)

    def store_records(self, pairs: Sequence[Pair]) -> list[bool]:
        """Store the records of cells; says of each whether it was, or another coordinator's stands in its place."""
        return self.store.add_all(self.run_id, pairs, after=None if self.claims is None else self.claims.before)

    def tell_outcome(self, cell: Cell, record: dict[str, Any], kept: bool) -> None:
        """Tell of a record that was to be stored."""
        if kept:
            self.tell(cell, record)
        else:  # we were taken for dead, and another coordinator was as quick
            self.claims.recorded.append(cell)
            self.tell_of_others()

    def claim(self, cells: list[Cell]) -> list[Cell]:
        """Those of ``cells`` that are ours to run."""
        mine = self.claims.take(cells)
        self.tell_of_others()
        return mine

    def tell_of_others(self) -> None:
        """Count the cells that other coordinators have recorded, and show them to the observer."""
        recorded, self.claims.recorded = self.claims.recorded, []
        rows = self.store.status(cell.key for cell in recorded)
        for cell in recorded:
            self.counts["elsewhere"] += 1
            self.observer(cell, {**blank(cell), **rows[cell.key]})

    def finish_elsewhere(self) -> None:
        """Wait for the cells that other coordinators have claimed; compute those that they leave behind."""
        while self.claims.elsewhere and not self.stop.asked:
            freed = self.claims.reclaim()
            self.tell_of_others()
            if freed:
                works = batches(freed)
                for work in works:
                    work.ready, work.waiting = work.waiting, work.ready  # claimed already
                self.run(works)
            elif self.claims.elsewhere:
                time.sleep(POLL_SECONDS)

    def run(self, works: Sequence[Work]) -> None:
        """Run batches: in children, or in this process without isolation."""
        if not works:
            return
        if works[0].kind == "run":
            for work in works:
                work.claim = self.claim
        try:
            if not self.options.isolation:
                self._run_here(works)
                return
            from benchhost.execute.pool import Pool

            Pool(
                self.options,
                self._datasets(works),
                self.deliver,
                modules=self._modules(works),
                stop=self.stop,
                idle=self._delivery.idle,
            ).run(works)
        finally:  # before the claims are given back: what is recorded is nobody's to compute
            self._delivery.flush()

    def time(self, cells: Sequence[Cell]) -> None:
        """The serial pass for time: one worker, random order, once the machine has calmed down."""
        end = time.monotonic() + SETTLE_SECONDS
        while not quiet(load1(), limits.cores()) and time.monotonic() < end:
            time.sleep(0.5)
        order = random.Random(self.options.seed)
        works = batches(cells, "time")
        order.shuffle(works)
        for work in works:
            order.shuffle(work.waiting)
        options, self.options = self.options, replace(self.options, workers=1)
        try:
            self.run(works)
        finally:
            self.options = options

    def _run_here(self, works: Iterable[Work]) -> None:
        import torch

        from benchhost.cell import Runtime, run_batch

        runtime = Runtime(
            catalogue=self.catalogue,
            results=self.options.results,
            datasets=self._datasets(works),
            device=self.options.device,
            threads=self.options.threads,
            timeout_s=self.options.timeout_s,
            save=self.options.save,
            cores=limits.cores(),
            alone=True,
        )
        before = torch.get_num_threads()
        torch.set_num_threads(self.options.threads)
        try:
            for work in works:
                taken: deque[Cell] = deque()
                run_batch(
                    self._cells(work, taken),
                    runtime,
                    lambda record, taken=taken: self.deliver(taken.popleft(), record),
                    kind=work.kind,
                    phase=lambda name, cell: self._delivery.idle(),
                )
        finally:
            torch.set_num_threads(before)

    def _cells(self, work: Work, taken: deque[Cell]) -> Iterator[Cell]:
        """The cells of a batch as they are claimed, until it is time to stop; ``taken`` remembers them."""
        while not self.stop.asked and (cell := work.take()) is not None:
            taken.append(cell)
            yield cell

    def _datasets(self, works: Iterable[Work]) -> Mapping[str, Dataset]:
        """The datasets of the cells by the name the cells use, which for a folder is not the catalogue's."""
        named = {dataset.name: dataset for dataset in self.catalogue.datasets.values()} | self.catalogue.datasets
        wanted = {cell.dataset for work in works for cell in (*work.waiting, *work.ready)}
        for name in wanted:
            if name not in named:
                raise unknown("dataset", name, named)
        return {name: named[name] for name in wanted}

    def _modules(self, works: Iterable[Work]) -> list[str]:
        """Modules of tasks, metrics and readers, for the fork server; methods are imported in their own children."""
        targets: dict[str, None] = {}
        for work in works:
            first = (*work.waiting, *work.ready)[0]
            targets[self.catalogue.task(first.task).target] = None
            targets[self._datasets([work])[first.dataset].reader] = None
            targets.update(dict.fromkeys(self.catalogue.metric(id).target for id in first.metrics))
        return list(dict.fromkeys(target.partition(":")[0] for target in targets))


def _load(options: Options) -> Catalogue:
    from benchhost.plugins import load

    return load(options.plugins, installed=options.installed)
