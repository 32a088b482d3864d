"""A real PostgreSQL server for the tests: loopback, a temporary folder, gone when they end."""

import pwd
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from os import geteuid
from pathlib import Path

import pytest

PATIENCE = 60.0  # seconds until a server that does not answer is given up
# Tests pull no plugs: a server that never waits for the disk is as real for them.
SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "max_connections=50", "shared_buffers=16MB")


def programs() -> Path | None:
    """The folder of ``initdb`` and ``postgres``: on PATH, or where Debian keeps the newest version."""
    if found := shutil.which("initdb"):
        return Path(found).resolve().parent
    folders = Path("/usr/lib/postgresql").glob("*/bin/initdb")
    newest = max(folders, key=lambda path: int(re.sub(r"\D", "", path.parts[-3]) or 0), default=None)
    return newest.parent if newest else None


class Server:
    """A running server; :meth:`url` makes a database of its own for whoever asks."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self.folder, self.binaries = folder, binaries
        self.password = secrets.token_hex(8)
        self._log = (folder / "log").open("wb")
        self._as = {}
        if geteuid() == 0:  # PostgreSQL refuses to run as root
            user = next(name for name in ("postgres", "nobody") if _exists(name))
            self._as = {"user": user, "group": pwd.getpwnam(user).pw_gid, "extra_groups": []}
            shutil.chown(folder, user)
        secret = folder / "password"
        secret.write_text(self.password)
        made = subprocess.run(
            [binaries / "initdb", "-D", folder / "data", "-U", "tests", "-A", "scram-sha-256", "-E", "UTF8",
             f"--pwfile={secret}", "--no-locale", "--no-sync"],
            stdout=self._log, stderr=subprocess.STDOUT, cwd=folder, check=False, **self._as,
        )  # fmt: skip
        assert made.returncode == 0, self.log()
        self.start()

    def start(self, port: int | None = None) -> None:
        """Start the server and wait until it answers; on the port it had before when it is started again."""
        if port is None:
            with socket.create_server(("127.0.0.1", 0)) as free:
                port = free.getsockname()[1]
        self.port = port
        settings = [word for setting in SETTINGS for word in ("-c", setting)]
        self._process = subprocess.Popen(
            [self.binaries / "postgres", "-D", self.folder / "data", "-h", "127.0.0.1", "-p", str(port),
             "-k", self.folder, *settings],
            stdout=self._log, stderr=subprocess.STDOUT, cwd=self.folder, **self._as,
        )  # fmt: skip
        end = time.monotonic() + PATIENCE
        while True:
            with suppress(OSError):
                self._connect().close()
                return
            assert self._process.poll() is None, self.log()
            assert time.monotonic() < end, self.log()
            time.sleep(0.05)

    def _connect(self):
        """A connection; OSError while there is none."""
        import psycopg

        try:
            return psycopg.connect(
                host="127.0.0.1", port=self.port, user="tests", password=self.password, dbname="postgres",
                autocommit=True,
            )  # fmt: skip
        except psycopg.OperationalError as error:
            raise OSError(str(error)) from error

    def stop(self) -> None:
        """End it at once, as a crash would: connections break, what was committed is there after the next start."""
        subprocess.run(
            [self.binaries / "pg_ctl", "-D", self.folder / "data", "-m", "immediate", "-w", "stop"],
            stdout=self._log, stderr=subprocess.STDOUT, cwd=self.folder, check=False, **self._as,
        )  # fmt: skip
        self._process.wait(timeout=PATIENCE)

    def url(self, *, fresh: bool = True, name: str | None = None) -> str:
        """The SQLAlchemy URL of a database, made anew by default."""
        name = name or f"benchhost_{secrets.token_hex(4)}"
        if fresh:
            with self._connect() as connection:
                connection.execute(f"CREATE DATABASE {name}")
        return f"postgresql+psycopg://tests:{self.password}@127.0.0.1:{self.port}/{name}"

    def log(self) -> str:
        """The end of what the server said."""
        return (self.folder / "log").read_text(errors="replace")[-4000:]


@contextmanager
def running() -> Iterator[Server]:
    """A server for the duration of the block; skips, with the reason, where there is none to start."""
    pytest.importorskip("psycopg", reason="psycopg is not installed (pip install 'benchhost[postgres]')")
    binaries = programs()
    if binaries is None:
        pytest.skip("no PostgreSQL server on this machine (Debian: apt-get install postgresql)")
    folder = Path(tempfile.mkdtemp(prefix="benchhost-pg-"))  # short: the path of a socket has a limit
    try:
        server = Server(folder, binaries)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _exists(user: str) -> bool:
    try:
        return bool(pwd.getpwnam(user))
    except KeyError:
        return False
