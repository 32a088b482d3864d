"""SIGTERM from a batch system: finish the cells in flight, hand out no more, end with 143 within the grace time."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Terminated(SystemExit):
    """The run was told to end; carries the exit code that a batch system expects."""


class Stop:
    """Whether a run has been asked to end, and how long it may take.

    grace_s: seconds that cells in flight are given; what has not finished by then is abandoned and computed by the
        next run.
    """

    def __init__(self, grace_s: float = 25.0) -> None:
        self.grace_s = grace_s
        self._asked_at: float | None = None
        self._heeded = False

    @property
    def asked(self) -> bool:
        """Whether to begin nothing more."""
        return self._asked_at is not None

    @property
    def overdue(self) -> bool:
        """Whether the grace time is over."""
        return self._asked_at is not None and time.monotonic() - self._asked_at > self.grace_s

    def ask(self) -> None:
        """Ask for the end; the grace time runs from the first time on."""
        if self._asked_at is None:
            self._asked_at = time.monotonic()

    def handle(self, signum: int, frame: Any) -> None:
        """A signal handler: the first signal is a request where :meth:`heeded` is entered, any other ends at once."""
        if not self._heeded or self.asked:
            raise Terminated(128 + signum)
        self.ask()

    @contextmanager
    def heeded(self) -> Iterator[None]:
        """Within, somebody looks at ``asked``; on leaving, a request that was heeded raises Terminated."""
        self._heeded = True
        try:
            yield
        finally:
            self._heeded = False
        if self.asked:
            raise Terminated(128 + signal.SIGTERM)
