"""The fork server: a process that has torch and the plugins loaded, and forks a child in milliseconds.

Not multiprocessing's: that one unpickles, imports the user's script again in every child (so that a script without
``if __name__ == "__main__"`` runs itself), is shared by all runs of a process with the environment of the first, and
keeps how a child ended to itself.  Children are forked before anything ran in here but imports.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
from typing import TYPE_CHECKING, Any

import psutil

if TYPE_CHECKING:
    from benchhost.plugins import Catalogue

REQUEST = struct.Struct("!I")  # number of the child; its connection and its log come along as file descriptors
REPLY = struct.Struct("!BIq")  # what, number of the child, pid or exit code
STARTED, ENDED = 1, 2
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36


def main(control_fd: int, settings: str) -> None:
    """Serve until the control connection closes; then end every child that is left."""
    from benchhost.execute.child import heedless, leave

    signal.signal(signal.SIGTERM, heedless)  # a batch system's goes to every process; the parent decides
    control = socket.socket(fileno=control_fd)
    catalogue = _preload(json.loads(settings))
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)  # what a method leaves behind comes here, and dies here
    wake, notify = socket.socketpair()
    for end in (wake, notify):
        end.setblocking(False)
    signal.set_wakeup_fd(notify.fileno())
    signal.signal(signal.SIGCHLD, lambda *_: None)
    children: dict[int, int] = {}  # pid -> number
    with contextlib.suppress(ConnectionError):
        while True:
            ready, _, _ = select.select([control, wake], [], [])
            if wake in ready:
                with contextlib.suppress(BlockingIOError):
                    wake.recv(4096)
            _reap(children, control)
            if control in ready:
                message, files, _, _ = socket.recv_fds(control, REQUEST.size, 2)
                if not message:
                    break
                (number,) = REQUEST.unpack(message)
                pid = _fork(files, (control, wake, notify), catalogue)
                for file in files:
                    os.close(file)
                children[pid] = number
                control.sendall(REPLY.pack(STARTED, number, pid))
    _end_all(children)
    leave(0)


def _preload(settings: dict[str, Any]) -> Catalogue | None:
    """Import what every child needs.  What fails here fails in the child again, where it gets a reason and a row."""
    for module in ("torch", "benchhost.cell", *settings["modules"]):
        with contextlib.suppress(Exception):
            importlib.import_module(module)
    catalogue = None
    with contextlib.suppress(Exception):
        from benchhost.plugins import load

        catalogue = load(settings["plugins"], installed=settings["installed"])
    gc.collect()
    gc.freeze()  # children share these pages as long as their collectors do not touch them
    return catalogue


def _fork(files: list[int], inherited: tuple[socket.socket, ...], catalogue: Catalogue | None) -> int:
    server = os.getpid()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    from benchhost.execute.child import leave, serve

    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        for end in inherited:
            end.close()
        os.setsid()
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != server:
            os._exit(1)
        os.dup2(files[1], 1)
        os.dup2(files[1], 2)
        os.close(files[1])
        code = serve(socket.socket(fileno=files[0]), catalogue)
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        leave(code)
    return 0


def _reap(children: dict[int, int], control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not pid:
            return
        if pid in children:
            code = os.waitstatus_to_exitcode(status)
            control.sendall(REPLY.pack(ENDED, children.pop(pid), code))


def _end_all(children: dict[int, int]) -> None:
    """SIGKILL for the children, their groups, and whatever descendant came here when its parent died."""
    for pid in children:
        with contextlib.suppress(OSError):
            os.killpg(pid, signal.SIGKILL)
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                process.kill()


def _prctl(option: int, value: int) -> None:
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
