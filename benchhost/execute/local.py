"""Running cells on this machine: skip, compute, record; then, if asked, time everything once more in peace."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from benchhost.errors import unknown
from benchhost.execute import limits
from benchhost.execute.delivery import Delivery
from benchhost.execute.options import Options
from benchhost.execute.queues import Work, batches, longest_first
from benchhost.execute.record import blank, now
from benchhost.execute.timing import load1, quiet

if TYPE_CHECKING:
    from benchhost.plan import Cell
    from benchhost.plugins import Catalogue
    from benchhost.store import Store
    from benchhost.types import Dataset

Observer = Callable[["Cell", dict[str, Any]], None]
SETTLE_SECONDS = 60.0  # how long a timing pass waits for the load of the pass before it to die down


def execute(
    cells: Sequence[Cell],
    *,
    store: Store,
    run_id: str,
    options: Options,
    observer: Observer = lambda cell, record: None,
    catalogue: Catalogue | None = None,
) -> Counter[str]:
    """Run every cell of ``cells`` and record what happened to it; returns how many ended in which status.

    Nothing is looked up: a cell that the store has already (``store.finished``) is computed again when it is given.
    A cell with a reason to skip it is not run.  ``observer`` is called with each cell and its record as it is stored.
    catalogue: the loaded plugins; loaded by ``options`` where it is not given.  Functions that exist in this process
    alone need ``isolation=False``.

    KeyboardInterrupt, SystemExit and whatever ``observer`` raises end all children first; what is recorded stays.
    """
    options = options.settled()
    session = _Session(store, run_id, options, observer, catalogue or _load(options))
    todo = []
    for cell in {cell.key: cell for cell in cells}.values():
        if cell.skip:
            record = blank(cell, device=options.device)
            record.update(status="skipped", reason=cell.skip, finished_at=now())
            session.tell(cell, record)
        else:
            todo.append(cell)
    store.note(run_id, execution=options.facts())
    session.run(longest_first(batches(todo), store.timings()))
    if options.exclusive_timing:
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
) -> Counter[str]:
    """The timing pass alone, over cells that the store has: one worker, random order, nothing else is changed."""
    options = options.settled()
    session = _Session(store, run_id, options, observer, catalogue or _load(options))
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
) -> list[Cell]:
    """Score stored reconstructions with those of their cells' metrics that the store lacks; no method is run.

    Returns the cells whose reconstruction is no longer on disk, or no longer whole: they have to be computed again.
    """
    options = options.settled()
    session = _Session(store, run_id, options, observer, catalogue or _load(options))
    lacking = store.lacking_metrics(cells, metrics=session.catalogue.metrics)
    asked = {cell.key: cell for cell in cells}
    session.run(batches([replace(asked[key], metrics=names) for key, names in lacking.items()], "score"))
    return [asked[key] for key in lacking if key not in session.ok]


class _Session:
    """One call's way through the cells: where records go, and what came of them."""

    def __init__(self, store: Store, run_id: str, options: Options, observer: Observer, catalogue: Catalogue) -> None:
        self.store, self.run_id, self.options, self.observer = store, run_id, options, observer
        self.catalogue = catalogue
        self.counts: Counter[str] = Counter()
        self.ok: set[str] = set()
        self._delivery = Delivery(store, run_id, self.tell)

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

    def run(self, works: Sequence[Work]) -> None:
        """Run batches: in children, or in this process without isolation."""
        if not works:
            return
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
                idle=self._delivery.idle,
            ).run(works)
        finally:
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
                cells = iter(work.waiting)
                run_batch(
                    work.waiting,
                    runtime,
                    lambda record, cells=cells: self.deliver(next(cells), record),
                    kind=work.kind,
                    phase=lambda name, cell: self._delivery.idle(),
                )
        finally:
            torch.set_num_threads(before)

    def _datasets(self, works: Iterable[Work]) -> Mapping[str, Dataset]:
        """The datasets of the cells by the name the cells use, which for a folder is not the catalogue's."""
        named = {dataset.name: dataset for dataset in self.catalogue.datasets.values()} | self.catalogue.datasets
        wanted = {cell.dataset for work in works for cell in work.waiting}
        for name in wanted:
            if name not in named:
                raise unknown("dataset", name, named)
        return {name: named[name] for name in wanted}

    def _modules(self, works: Iterable[Work]) -> list[str]:
        """Modules of tasks, metrics and readers, for the fork server; methods are imported in their own children."""
        targets: dict[str, None] = {}
        for work in works:
            first = work.waiting[0]
            targets[self.catalogue.task(first.task).target] = None
            targets[self._datasets([work])[first.dataset].reader] = None
            targets.update(dict.fromkeys(self.catalogue.metric(id).target for id in first.metrics))
        return list(dict.fromkeys(target.partition(":")[0] for target in targets))


def _load(options: Options) -> Catalogue:
    from benchhost.plugins import load

    return load(options.plugins, installed=options.installed)
