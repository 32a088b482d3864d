"""The cells of a run as rows: what they share once per batch, what is their own once per cell; and back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from sqlalchemy import Connection

from benchhost.keys import canonical
from benchhost.store import tables as t
from benchhost.store.seals import sealed

if TYPE_CHECKING:
    from benchhost.plan import Cell
    from benchhost.types import Metric


def rows(
    run_id: str, cells: Sequence[Cell], metrics: Mapping[str, Metric]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of run_batches and run_cells."""
    batches: dict[tuple[Any, ...], dict[str, Any]] = {}
    written: dict[int, str] = {}  # canonical JSON of a params mapping that many cells share
    single = []
    for position, cell in enumerate(cells):
        for values in (cell.task_params, cell.method_params):
            if id(values) not in written:
                written[id(values)] = canonical(dict(values))
        params = written[id(cell.task_params)], written[id(cell.method_params)]
        key = (cell.task, params, cell.level, cell.dataset, cell.repeat, cell.seed, cell.method, cell.method_label,
               cell.metrics, cell.skip)  # fmt: skip
        batch = batches.get(key)
        if batch is None:
            batch = batches[key] = {
                "run_id": run_id,
                "batch": len(batches),
                "task": cell.task,
                "task_params": params[0],
                "level": cell.level,
                "dataset": cell.dataset,
                "repeat": cell.repeat,
                "seed": cell.seed,
                "method": cell.method,
                "method_params": params[1],
                "method_label": cell.method_label,
                "metrics": json.dumps([[m, metrics[m].version if m in metrics else None] for m in cell.metrics]),
                "skip": cell.skip,
                "trained_on_test": cell.trained_on_test,
            }
        single.append(
            sealed(
                t.run_cells,
                {
                    "run_id": run_id,
                    "position": position,
                    "batch": batch["batch"],
                    "image": cell.image,
                    "measurement_key": cell.measurement_key,
                    "key": cell.key,
                },
            )
        )
    return [sealed(t.run_batches, batch) for batch in batches.values()], single


def cells(connection: Connection, run_id: str) -> list[Cell]:
    """See :meth:`benchhost.store.Store.cells`."""
    from benchhost.plan import Cell

    batches: dict[int, dict[str, Any]] = {}
    for row in connection.execute(sa.select(t.run_batches).where(t.run_batches.c.run_id == run_id)).mappings():
        shared = dict(row)
        shared["metrics"] = tuple(id for id, _ in json.loads(shared["metrics"]))
        for name in ("task_params", "method_params"):
            shared[name] = json.loads(shared[name])
        del shared["run_id"], shared["seal"]
        number = shared.pop("batch")
        batches[number] = shared
    r = t.run_cells.c
    query = sa.select(r.batch, r.image, r.measurement_key, r.key).where(r.run_id == run_id).order_by(r.position)
    return [
        Cell(image=image, measurement_key=measurement, key=key, **batches[batch])
        for batch, image, measurement, key in connection.execute(query)
    ]
