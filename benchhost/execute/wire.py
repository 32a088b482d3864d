"""Messages between parent and child: JSON behind a length, over a socket.  Nothing is ever unpickled."""

from __future__ import annotations

import json
import signal
import socket
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Any

from benchhost.plan import Cell
from benchhost.types import Dataset, ItemRef

END = signal.SIGUSR1  # the parent's word for the end of a cell's time
_HEAD = struct.Struct("!I")
_FIELDS = tuple(field.name for field in fields(Cell))


def send(connection: socket.socket, message: Mapping[str, Any]) -> None:
    """Send one message; blocks until it is on its way."""
    data = json.dumps(message, separators=(",", ":")).encode()
    connection.sendall(_HEAD.pack(len(data)) + data)


def receive(connection: socket.socket) -> dict[str, Any] | None:
    """The next message, or None at the end of the stream; blocks."""
    head = _exactly(connection, _HEAD.size)
    data = _exactly(connection, *_HEAD.unpack(head)) if head else None
    return json.loads(data) if data else None


class Inbox:
    """Messages of a connection that must never block its reader, however its writer dies."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._buffer = bytearray()
        self.closed = False

    def messages(self) -> Iterator[dict[str, Any]]:
        """Whole messages that have arrived; sets ``closed`` at the end of the stream."""
        while not self.closed:
            try:
                data = self._connection.recv(1 << 16, socket.MSG_DONTWAIT)
            except BlockingIOError:
                break
            except OSError:  # the writer died with data unread
                data = b""
            self.closed = not data
            self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            (size,) = _HEAD.unpack_from(self._buffer)
            if len(self._buffer) < _HEAD.size + size:
                return
            data = bytes(self._buffer[_HEAD.size : _HEAD.size + size])
            del self._buffer[: _HEAD.size + size]
            yield json.loads(data)


def cell_to_json(cell: Cell, first: Cell) -> dict[str, Any]:
    """What of ``cell`` differs from ``first``: of two cells of a batch hardly more than the image and the keys."""
    return {name: value for name in _FIELDS if (value := getattr(cell, name)) != getattr(first, name)}


def cell_from_json(data: Mapping[str, Any], first: Cell) -> Cell:
    """The inverse of :func:`cell_to_json`."""
    return replace(first, **{name: tuple(value) if name == "metrics" else value for name, value in data.items()})


def dataset_to_json(dataset: Dataset, images: set[str]) -> dict[str, Any]:
    """A dataset with those of its items that ``images`` names."""
    few = replace(dataset, items=tuple(ref for ref in dataset.items if ref.name in images))
    return {**asdict(few), "folder": str(dataset.folder) if dataset.folder is not None else None}


def dataset_from_json(data: Mapping[str, Any]) -> Dataset:
    """The inverse of :func:`dataset_to_json`."""
    items = tuple(ItemRef(**{**item, "urls": tuple(item["urls"])}) for item in data["items"])
    folder = Path(data["folder"]) if data["folder"] is not None else None
    return Dataset(**{**data, "items": items, "folder": folder, "lineage": tuple(data["lineage"])})


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = []
    while size:
        part = connection.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
