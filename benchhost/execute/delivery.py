"""Records on their way to the store: several in one transaction, so that a cell of a millisecond pays for no commit."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from benchhost.errors import StoreError

if TYPE_CHECKING:
    from benchhost.plan import Cell

DELAY = 0.1  # seconds a record may wait for others: a kill costs that much work, beside the cells in flight
MOST = 256  # records in one transaction
Pair = tuple["Cell", dict[str, Any]]


class Delivery:
    """Stores records in their order and tells of each once it is stored.

    A record that comes DELAY seconds or more after the last transaction, as those of cells that take their time do, is
    stored at once.
    store: writes some records, all or none, and says of each whether it stands now; tell: hears of each with that.
    """

    def __init__(
        self, store: Callable[[Sequence[Pair]], Sequence[bool]], tell: Callable[[Cell, dict[str, Any], bool], None]
    ) -> None:
        self._store, self._tell = store, tell
        self._waiting: list[Pair] = []
        self._stored_at = 0.0

    def add(self, cell: Cell, record: dict[str, Any]) -> None:
        """Take a record of ``cell``."""
        self._waiting.append((cell, record))
        if len(self._waiting) >= MOST:
            self.flush()
        self.idle()

    def idle(self) -> None:
        """Store what has waited long enough; to be called often."""
        if self._waiting and time.monotonic() >= self._stored_at + DELAY:
            self.flush()

    def flush(self) -> None:
        """Store what waits.  Interrupted, it keeps what it had: to store a record twice changes nothing."""
        if not self._waiting:
            return
        try:
            kept = self._store(self._waiting)
        except StoreError:  # it was tried for long enough
            self._waiting = []
            raise
        waiting, self._waiting = self._waiting, []
        self._stored_at = time.monotonic()
        for (cell, record), stands in zip(waiting, kept, strict=True):
            self._tell(cell, record, stands)
