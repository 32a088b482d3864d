"""A run in a process of its own, to be interrupted or killed: ``python driver.py RESULTS METHODS LIMIT``.

Prints a line as each record is stored; exits as the command line does.  Without arguments it is a nursery: it has
everything imported and forks such a run for every line of JSON ``[arguments, environment, output file]`` it reads,
answers with its pid, and writes its exit code to ``FILE.code``.  That saves the seconds of importing for each of many
runs that are killed.
"""

import json
import os
import select
import signal
import sys
from contextlib import suppress
from pathlib import Path

from benchhost import execute
from benchhost.config import RunConfig
from benchhost.execute import local, pool  # noqa: F401
from benchhost.execute.stopping import Stop
from benchhost.plan import make_plan
from benchhost.plugins import load
from benchhost.selection import parse_methods, parse_tasks
from benchhost.store import Store
from benchhost.store import claims as _claims  # noqa: F401

PLUGINS = ("benchhost.testing.synthetic", "benchhost.testing.faults")


def main(folder: str, methods: str, limit: str) -> int:
    """BENCHHOST_TEST_STORE names another store than the folder's, _GRACE heeds SIGTERM, _WORKERS children at once."""
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
    workers = int(os.environ.get("BENCHHOST_TEST_WORKERS", "2"))
    options = execute.Options(
        results=Path(folder), workers=workers, threads=1, timeout_s=60.0, plugins=PLUGINS, installed=False
    )
    stop = Stop(float(os.environ.get("BENCHHOST_TEST_GRACE", "0")))
    if "BENCHHOST_TEST_GRACE" in os.environ:
        signal.signal(signal.SIGTERM, stop.handle)
    with Store.open(os.environ.get("BENCHHOST_TEST_STORE") or folder) as store:
        done = store.finished(cell.key for cell in cells)
        run_id = store.begin_run({"command": "driver"}, cells, metrics=catalogue.metrics, environment={})
        try:
            with stop.heeded():
                execute.execute(
                    [cell for cell in cells if cell.key not in done],
                    store=store,
                    run_id=run_id,
                    options=options,
                    catalogue=catalogue,
                    observer=lambda cell, record: sys.stdout.write(f"{cell.method} {cell.image} {record['status']}\n"),
                    again=(),
                    stop=stop,
                )
        except KeyboardInterrupt:
            return 130
        finally:
            store.finish_run(run_id)
    return 0


def nursery() -> None:
    """Fork runs until standard input ends."""
    names: dict[int, str] = {}
    while True:
        ready, _, _ = select.select([sys.stdin], [], [], 0.02)
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                Path(f"{names[ended[0]]}.tmp").write_text(str(os.waitstatus_to_exitcode(ended[1])))
                os.replace(f"{names[ended[0]]}.tmp", f"{names[ended[0]]}.code")
        if not ready:
            continue
        line = sys.stdin.buffer.raw.readline()
        if not line:
            return
        arguments, environment, output = json.loads(line)
        pid = os.fork()
        if pid == 0:
            os.environ.update(environment)
            target = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.dup2(target, 1)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            code = 1
            try:
                code = main(*arguments)
            except SystemExit as end:
                code = end.code
            finally:
                sys.stdout.flush()
                os._exit(code)
        names[pid] = output
        os.write(1, f"{pid}\n".encode())


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]) if sys.argv[1:] else nursery())
