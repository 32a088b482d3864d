"""A run in a process of its own, to be interrupted or killed: ``python driver.py RESULTS METHODS LIMIT [TIMEOUT]``.

Prints a line as each record is stored; exits as the command line does.
"""

import signal
import sys

from benchhost import execute
from benchhost.config import RunConfig
from benchhost.plan import make_plan
from benchhost.plugins import load
from benchhost.selection import parse_methods, parse_tasks
from benchhost.store import Store

PLUGINS = ("benchhost.testing.synthetic", "benchhost.testing.faults")


def main(folder: str, methods: str, limit: str, timeout: str = "60") -> int:
    sys.stdout.reconfigure(line_buffering=True)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell ignores it for what it runs in the background
    catalogue = load(PLUGINS, installed=False)
    config = RunConfig(
        tasks=tuple(parse_tasks(("synthetic",), catalogue)),
        methods=tuple(parse_methods((methods,), catalogue)),
        limit=int(limit),
        device="cpu",
    )
    cells = make_plan(config, catalogue).cells
    options = execute.Options(
        results=folder, workers=2, threads=1, timeout_s=float(timeout), plugins=PLUGINS, installed=False
    )
    with Store.open(folder) as store:
        done = store.finished(cell.key for cell in cells)
        run_id = store.begin_run({"command": "driver"}, cells, metrics=catalogue.metrics, environment={})
        try:
            execute.execute(
                [cell for cell in cells if cell.key not in done],
                store=store,
                run_id=run_id,
                options=options,
                catalogue=catalogue,
                observer=lambda cell, record: sys.stdout.write(f"{cell.method} {cell.image} {record['status']}\n"),
            )
        except KeyboardInterrupt:
            return 130
        finally:
            store.finish_run(run_id)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
