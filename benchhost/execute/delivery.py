"""Records on their way to the store: several in one transaction, so that a cell of a millisecond pays for no commit."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from benchhost.plan import Cell
    from benchhost.store import Store

DELAY = 0.1  # seconds a record may wait for others: a kill costs that much work, beside the cells in flight
MOST = 256  # records in one transaction


class Delivery:
    """Stores records in their order and tells of each once it is stored.

    A record that comes DELAY seconds or more after the last transaction, as those of cells that take their time do, is
    stored at once.
    """

    def __init__(self, store: Store, run_id: str, tell: Callable[[Cell, dict[str, Any]], None]) -> None:
        self._store, self._run_id, self._tell = store, run_id, tell
        self._waiting: list[tuple[Cell, dict[str, Any]]] = []
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
        """Store what waits."""
        waiting, self._waiting = self._waiting, []
        if waiting:
            self._store.add_all(self._run_id, waiting)
            self._stored_at = time.monotonic()
        for cell, record in waiting:
            self._tell(cell, record)
