"""The child process: one batch, cell by cell as the parent hands them out, one record back for each."""

from __future__ import annotations

import contextlib
import faulthandler
import os
import select
import signal
import socket
import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchhost.execute import wire

if TYPE_CHECKING:
    from benchhost.plan import Cell
    from benchhost.plugins import Catalogue

EXIT_TERMINATED = 128 + signal.SIGTERM


class Terminated(BaseException):
    """The parent asks to end: methods may put things in order in ``finally``, within the grace time."""


def serve(connection: socket.socket, catalogue: Catalogue | None = None) -> int:
    """Run the batch that ``connection`` brings; returns the exit code.

    catalogue: what a fork server has loaded already; loaded here without one.
    """
    start = wire.receive(connection)
    if start is None:
        return 0
    faulthandler.enable()
    signal.signal(wire.END, _terminate)
    # The parent decides: a terminal's Ctrl-C and a batch system's SIGTERM go to every process of a run.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, heedless)
    os.register_at_fork(after_in_child=lambda: signal.signal(signal.SIGTERM, signal.SIG_DFL))
    _offer_to_the_kernel()
    try:
        _run(connection, start, catalogue)
    except Terminated:
        return EXIT_TERMINATED
    wire.send(connection, {"event": "bye"})
    return 0


def _run(connection: socket.socket, start: dict[str, Any], catalogue: Catalogue | None) -> None:
    import torch

    from benchhost.cell import Runtime, run_batch
    from benchhost.execute.limits import limit_address_space
    from benchhost.plan import Cell
    from benchhost.plugins import load

    first = Cell.from_json(start["first"])
    torch.set_num_threads(start["threads"])
    if catalogue is None:
        catalogue = load(start["plugins"], installed=start["installed"])
    dataset = wire.dataset_from_json(start["dataset"])
    if not start["device"].startswith("cuda"):
        limit_address_space(start["memory_gb"])
    runtime = Runtime(
        catalogue=catalogue,
        results=Path(start["results"]),
        datasets={dataset.name: dataset},
        device=start["device"],
        threads=start["threads"],
        timeout_s=start["timeout_s"],
        save=start["save"],
        cores=start["cores"],
        alone=start["alone"],
    )

    def cells() -> Iterator[Cell]:
        while (message := wire.receive(connection)) is not None and "cell" in message:
            yield wire.cell_from_json(message["cell"], first)

    known = ""  # the phase that the parent takes this child to be in

    def phase(name: str, cell: Cell) -> None:
        nonlocal known
        if name != known:
            wire.send(connection, {"event": "phase", "phase": name, "key": cell.key})
        known = name

    def emit(record: dict[str, Any]) -> None:
        nonlocal known
        wire.send(connection, {"event": "record", "record": record})
        known = "pose"  # of the next cell

    run_batch(
        cells(),
        runtime,
        emit,
        kind=start["kind"],
        phase=phase,
    )


def main(arguments: Sequence[str]) -> None:
    """Entry of a spawned child: its connection's file descriptor, then the parent's ``sys.path``."""
    connection = socket.socket(fileno=int(arguments[0]))
    _die_with_parent(connection)
    leave(serve(connection))


def leave(code: int) -> None:
    """End the process without running what others registered for its end: it may hang."""
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)


def _die_with_parent(connection: socket.socket) -> None:
    """Watch for the parent's end of the connection to close, which it does when the parent dies, however it dies."""

    def watch() -> None:
        poll = select.poll()
        poll.register(connection.fileno(), select.POLLHUP)
        while not any(event & select.POLLHUP for _, event in poll.poll()):
            pass
        os.killpg(os.getpgid(0), signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def _offer_to_the_kernel() -> None:
    """Should memory run out, the kernel's choice is this process, not the parent or the user's desktop."""
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("800")


def heedless(signum: int, frame: Any) -> None:
    """A handler that does nothing; unlike an ignored signal it is not inherited by the programs a method starts."""


def _terminate(signum: int, frame: Any) -> None:
    raise Terminated
