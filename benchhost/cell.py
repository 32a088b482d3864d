"""One cell: pose the problem, reconstruct, hold the method to its contract, score.  No store, no child process."""

from __future__ import annotations

import hashlib
import json
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor

from benchhost import params as P
from benchhost.data import read_item
from benchhost.errors import unknown
from benchhost.execute.contract import (
    ContractBroken,
    check_estimate,
    generators_seeded,
    generators_untouched,
    tensor_digest,
)
from benchhost.execute.reasons import explain, gpu_lost
from benchhost.execute.record import KEPT, Kind, blank, now
from benchhost.execute.scoring import Scorer
from benchhost.execute.timing import PeakMemory, Stopwatch, load1, quiet
from benchhost.keys import canonical
from benchhost.plan import Cell
from benchhost.plugins import Catalogue, resolve_for
from benchhost.seeds import Seeds
from benchhost.store.artifacts import read_estimate, write_estimate
from benchhost.types import Dataset, Posed, Problem

WARM_UP_BELOW = 10.0  # seconds: the first call of a quicker method pays for loading and counts as its warm-up


@dataclass(frozen=True, kw_only=True)
class Runtime:
    """Where and how cells run.

    datasets: by name, where they differ from the catalogue's (a folder given on the command line).
    timeout_s: seconds a reconstruction may take; the method is told as ``Problem.deadline``, the caller enforces it.
    save: whether reconstructions are kept below ``results``.
    cores: of this machine; alone: whether no other worker runs beside this one.
    """

    catalogue: Catalogue
    results: Path
    datasets: Mapping[str, Dataset] = field(default_factory=dict)
    device: str = "cpu"
    threads: int = 1
    timeout_s: float | None = None
    save: Literal["all", "none"] = "all"
    cores: int = 1
    alone: bool = False


Emit = Callable[[dict[str, Any]], None]
Phase = Callable[[str, Cell], None]


def run_batch(
    cells: Iterable[Cell],
    runtime: Runtime,
    emit: Emit,
    *,
    kind: Kind = "run",
    phase: Phase = lambda name, cell: None,
) -> None:
    """Run cells that share task, dataset, method and their parameters; ``emit`` gets one record each, in order.

    The method is made once; ``setup`` is called before the first image and again when the shape of the problem
    changes, with y = 0, so that nothing of a measurement can be used off the clock.  What goes wrong becomes a record,
    except what ends the process.  ``phase`` hears "load", "pose", "setup", "reconstruct" and "score" as they begin.

    kind: "run"; "time" repeats reconstructions for their time alone; "score" computes ``cell.metrics`` from stored
        reconstructions and runs no method.  A batch ends early, with cells left over, when the GPU's context is lost.
    """
    batch: _Batch | None = None
    for cell in cells:
        record = blank(cell, kind=kind, device=runtime.device, threads=runtime.threads)
        lost = False
        try:
            if batch is None:
                phase("load", cell)
                batch = _Batch(cell, runtime, kind)
            batch.run(cell, record, phase)
            record["status"], record["reason"] = "ok", ""
        # The one place that catches everything: what a plugin raises is a row with its reason, and the next cell runs.
        except (Exception, SystemExit) as error:
            if isinstance(error, SystemExit) and type(error) is not SystemExit:
                raise  # not the method's own: somebody ends this process
            record["status"], record["reason"] = explain(error)
            record["exception"] = {
                "type": type(error).__name__,
                "message": str(error),
                "traceback": "".join(traceback.format_exception(error)),
            }
            lost = gpu_lost(error)
        record["finished_at"] = now()
        emit(record)
        if lost:
            return


def rescore(cells: Iterable[Cell], runtime: Runtime, emit: Emit, *, phase: Phase = lambda name, cell: None) -> None:
    """Score stored reconstructions with ``cell.metrics``; no method is run.  One record of kind "score" each."""
    run_batch(cells, runtime, emit, kind="score", phase=phase)


class _Batch:
    """What the cells of a batch share: task runtime, method instance, metrics, dataset."""

    def __init__(self, cell: Cell, runtime: Runtime, kind: Kind) -> None:
        catalogue = runtime.catalogue
        self.runtime, self.kind = runtime, kind
        self.dataset = runtime.datasets.get(cell.dataset) or catalogue.dataset(cell.dataset)
        self.refs = {ref.name: ref for ref in self.dataset.items}
        self.scorer = Scorer([catalogue.metric(id) for id in cell.metrics])
        task = catalogue.task(cell.task)
        values = P.build(resolve_for(task, "params"), cell.task_params, owner=f"task '{task.name}'")
        self.identity = f"{task.name}@{task.version}:{canonical(P.content(values))}"
        self.task = resolve_for(task)(values)
        self.calls = 0
        self.setups: dict[Any, Exception | None] = {}
        self.made_in = 0.0
        if kind != "score":
            self.method = catalogue.method(cell.method)
            self._make(cell)

    def _make(self, cell: Cell) -> None:
        begin = time.perf_counter()
        with generators_seeded(self._seed("make", cell), self.runtime.device):
            values = P.build(resolve_for(self.method, "params"), cell.method_params, owner=f"method '{cell.method}'")
            self.reconstructor = resolve_for(self.method)(values)
        self.made_in = time.perf_counter() - begin

    def run(self, cell: Cell, record: dict[str, Any], phase: Phase) -> None:
        posed = self._pose(cell, phase)
        digest = tensor_digest(posed.y)
        record.update(y_digest=digest, physics_id=posed.physics.spec_id, notes=dict(posed.notes))
        if self.kind == "score":
            phase("score", cell)
            estimate = check_estimate(
                read_estimate(self.runtime.results, cell.key), len(posed.y), tuple(posed.truth.shape[1:])
            )
            self.scorer.score(posed, estimate, record)
            return
        memory = PeakMemory(self.runtime.device)
        memory.reset()
        try:
            estimate = self._reconstruct(cell, posed, digest, record, phase)
        finally:
            record.update(peak_rss_mb=memory.rss_mb(), peak_vram_mb=memory.vram_mb())
        if self.kind == "time":
            return
        phase("score", cell)
        if self.runtime.save == "all":
            facts = {
                "physics_id": record["physics_id"],
                "y_digest": digest,
                "cell": json.dumps(cell.to_json()),  # a lost store is built anew from what stands here
                "record": json.dumps({name: record[name] for name in KEPT}),
            }
            record["artifact"] = write_estimate(self.runtime.results, cell.key, estimate, facts)
        self.scorer.score(posed, estimate, record)

    def _pose(self, cell: Cell, phase: Phase) -> Posed:
        phase("pose", cell)
        if cell.image not in self.refs:
            raise unknown("image", cell.image, self.refs, where=f"dataset '{cell.dataset}'")
        item = read_item(self.dataset, self.refs[cell.image])
        return self.task.pose(item, self._seeds(cell))

    def _seeds(self, cell: Cell) -> Seeds:
        return Seeds(task=self.identity, dataset=cell.dataset, image=cell.image, repeat=cell.repeat, base=cell.seed)

    def _reconstruct(self, cell: Cell, posed: Posed, digest: str, record: dict[str, Any], phase: Phase) -> Tensor:
        runtime = self.runtime
        shape = tuple(posed.truth.shape[1:])
        problem = self._problem(cell, posed, shape)
        record["setup_seconds"] = self._set_up(cell, problem, phase)
        record["load1"] = load1()
        arguments = (posed.truth.to(runtime.device, copy=True),) if self.method.sees_truth else ()
        phase("reconstruct", cell)
        while True:
            watch = Stopwatch(runtime.device)
            trace = self.scorer.trace(posed, watch) if self.kind == "run" else None
            # A generator and a deadline of its own for every call: a warm-up must not move the result.
            rng = torch.Generator().manual_seed(self._seed("reconstruct", cell))
            call = replace(problem, rng=rng, deadline=self._deadline(), trace=trace or problem.trace)
            try:
                with generators_untouched(runtime.device):
                    watch.start()
                    result = self.reconstructor.reconstruct(call, *arguments)
                    record["seconds"] = watch.seconds()
            finally:
                if trace is not None:
                    record.update(trace=trace.columns(), peak=trace.peak)
            estimate = check_estimate(result, len(posed.y), shape)
            if tensor_digest(problem.y) != digest:
                raise ContractBroken("reconstruct changed problem.y in place")
            self.calls += 1
            warm = self.calls > 1 or record["seconds"] >= WARM_UP_BELOW
            if warm or not (self.kind == "time" or runtime.device.startswith("cuda")):
                break
        record["timing_valid"] = runtime.alone and warm and quiet(record["load1"], runtime.cores)
        return estimate

    def _problem(self, cell: Cell, posed: Posed, shape: tuple[int, ...]) -> Problem:
        device = self.runtime.device
        return Problem(
            y=posed.y.to(device),
            physics=posed.physics if device == "cpu" else posed.physics.to(device),
            sigma=posed.sigma,
            image_shape=shape,
            rng=torch.Generator(),
            complex_image=posed.complex_image,
            value_range=posed.value_range,
            task=cell.task,
            task_params=dict(cell.task_params),
            device=device,
        )

    def _set_up(self, cell: Cell, problem: Problem, phase: Phase) -> float:
        """Seconds spent making and setting up the method for this cell; 0.0 where an earlier cell did it."""
        seconds, self.made_in = self.made_in, 0.0
        setup = getattr(self.reconstructor, "setup", None)
        kind = (tuple(problem.y.shape), problem.image_shape)
        if setup is None:
            return seconds
        if kind not in self.setups:
            phase("setup", cell)
            seed = self._seed("setup", cell)
            call = replace(problem, y=torch.zeros_like(problem.y), rng=torch.Generator().manual_seed(seed))
            watch = Stopwatch(self.runtime.device)
            watch.start()
            try:
                with generators_seeded(seed, self.runtime.device):
                    setup(call)
                self.setups[kind] = None
            except Exception as error:  # kept, so that the batch's other images fail with it at once
                error.add_note("raised in setup()")
                self.setups[kind] = error
            seconds += watch.seconds()
        failure = self.setups[kind]
        if failure is not None:
            raise failure
        return seconds

    def _deadline(self) -> float | None:
        limit = self.runtime.timeout_s
        # A little early: a method that stops exactly at its deadline still has to hand the estimate over.
        return None if limit is None else time.monotonic() + limit - min(2.0, 0.05 * limit)

    def _seed(self, purpose: str, cell: Cell) -> int:
        """Of a measurement and a method for "reconstruct"; of the batch alone for what its images share.

        By names, not by keys: an edit of code that changes no number must not change what a method draws.
        """
        if purpose == "reconstruct":
            return self._seeds(cell).integer(f"{purpose}\x1f{cell.method}")
        text = "\x1f".join((self.identity, str(cell.seed), str(cell.repeat), cell.method, purpose))
        return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


__all__ = ["Runtime", "rescore", "run_batch"]
