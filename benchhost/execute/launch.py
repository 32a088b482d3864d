"""Starting children and hearing how they end: through the fork server, or each with an interpreter of its own."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from typing import IO

from benchhost.execute import server, wire
from benchhost.execute.options import Options, thread_environment

log = logging.getLogger("benchhost")
PATIENCE = 300.0  # seconds until a fork server that never answered is given up: something hangs in an import
LOG_BYTES = 16 * 2**20  # what a child may print before its log is cut
_BOOT = "import sys, json; sys.path[:] = json.loads(sys.argv.pop()); from benchhost.execute import {0}; {0}.main({1})"


class Child:
    """A child process as its parent sees it.

    pid: None until it runs.  code: exit code, or minus a signal's number, once it has ended; ``ended`` tells when.
    """

    def __init__(self, number: int) -> None:
        self.number = number
        self.pid: int | None = None
        self.code: int | None = None
        self.ended = False
        self.process: subprocess.Popen[bytes] | None = None
        self.connection, self.far_end = socket.socketpair()
        self.inbox = wire.Inbox(self.connection)
        self._log = tempfile.TemporaryFile(prefix="benchhost-")  # noqa: SIM115

    @property
    def log_fd(self) -> int:
        """Where the child's standard output and standard error go."""
        return self._log.fileno()

    def output(self, most: int = 4000) -> str:
        """The end of what the child printed."""
        size = os.fstat(self.log_fd).st_size
        return os.pread(self.log_fd, most, max(0, size - most)).decode(errors="replace").replace("\0", "")

    def cut_log(self) -> None:
        """Forget what was printed when it grows out of bounds."""
        if os.fstat(self.log_fd).st_size > LOG_BYTES:
            os.ftruncate(self.log_fd, 0)

    def close(self) -> None:
        """Give up the connection and the log."""
        self.connection.close()
        self.far_end.close()
        self._log.close()


class Launcher:
    """Starts children by the way ``options.start`` names.

    modules: what the fork server imports beforehand, beyond torch.  Should the server die (out of memory, a broken
    library), its children are reported as lost and further ones are spawned.
    """

    def __init__(self, options: Options, modules: Sequence[str] = ()) -> None:
        self._environment = thread_environment(options.threads or 1, os.environ)
        self._settings = {"plugins": list(options.plugins), "installed": options.installed, "modules": list(modules)}
        self._children: dict[int, Child] = {}
        self._number = 0
        self._server: subprocess.Popen[bytes] | None = None
        self._errors: IO[bytes] | None = None
        self._replies = bytearray()
        if options.start == "fork":
            self._start_server()

    def start(self) -> Child:
        """A new child; its ``pid`` is known once :meth:`poll` has heard of it."""
        self._number += 1
        child = Child(self._number)
        self._children[child.number] = child
        if self._server is not None:
            try:
                files = [child.far_end.fileno(), child.log_fd]
                socket.send_fds(self._control, [server.REQUEST.pack(child.number)], files)
            except OSError:
                self._lose_server()
                return self.start()
        else:
            child.process = subprocess.Popen(
                self._command("child", "sys.argv[1:]", str(child.far_end.fileno())),
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=child.log_fd,
                stderr=child.log_fd,
                pass_fds=[child.far_end.fileno()],
                start_new_session=True,
            )
            child.pid = child.process.pid
        child.far_end.close()
        return child

    def poll(self) -> None:
        """Learn which children have started and ended; those of a server that was lost end with code None."""
        for child in [c for c in self._children.values() if c.process is not None]:
            code = child.process.poll()
            if code is not None:
                self._ended(child, code)
        if self._server is None:
            return
        with contextlib.suppress(BlockingIOError):
            try:
                while data := self._control.recv(4096, socket.MSG_DONTWAIT):
                    self._replies += data
            except ConnectionError:
                data = b""
            if not data:
                self._lose_server()
                return
        if self._silent_since is not None and time.monotonic() - self._silent_since > PATIENCE:
            self._lose_server()
            return
        self._read_replies()

    @property
    def sockets(self) -> list[socket.socket]:
        """What to wait on beside the children's own connections."""
        return [self._control] if self._server is not None else []

    def close(self) -> None:
        """End the server, and with it whatever child it still has."""
        if self._server is None:
            return
        self._control.close()
        try:
            self._server.wait(timeout=1.0)
        except subprocess.TimeoutExpired:
            self._server.kill()
            self._server.wait()
        self._errors.close()
        self._server = None

    def _start_server(self) -> None:
        self._control, far_end = socket.socketpair()
        self._errors = tempfile.TemporaryFile(prefix="benchhost-")  # noqa: SIM115
        self._server = subprocess.Popen(
            self._command("server", "int(sys.argv[1]), sys.argv[2]", str(far_end.fileno()), json.dumps(self._settings)),
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=self._errors,
            stderr=self._errors,
            pass_fds=[far_end.fileno()],
            start_new_session=True,
        )
        far_end.close()
        self._silent_since: float | None = time.monotonic()

    def _read_replies(self) -> None:
        size = server.REPLY.size
        while len(self._replies) >= size:
            what, number, value = server.REPLY.unpack(self._replies[:size])
            del self._replies[:size]
            self._silent_since = None
            child = self._children.get(number)
            if child is None:
                continue
            if what == server.STARTED:
                child.pid = value
            else:
                self._ended(child, value)

    def _ended(self, child: Child, code: int | None) -> None:
        child.code, child.ended = code, True
        self._children.pop(child.number, None)

    def _lose_server(self) -> None:
        self._errors.seek(0)
        words = self._errors.read().decode(errors="replace").strip().splitlines()
        log.warning("the fork server died (%s); starting children one by one", words[-1] if words else "no message")
        self._control.close()
        self._server.kill()
        self._server.wait()
        self._errors.close()
        self._server = None
        for child in list(self._children.values()):
            if child.process is None:
                self._ended(child, None)

    @staticmethod
    def _command(module: str, arguments: str, *values: str) -> list[str]:
        # -P, and our own search path: a torch.py in the folder we happen to be in must not be imported.
        return [sys.executable, "-P", "-c", _BOOT.format(module, arguments), *values, json.dumps(sys.path)]


def wait_until_ended(children: Sequence[Child], launcher: Launcher, seconds: float) -> None:
    """Wait for killed children to be reaped, for at most ``seconds``."""
    end = time.monotonic() + seconds
    while any(not child.ended for child in children) and time.monotonic() < end:
        launcher.poll()
        time.sleep(0.005)
