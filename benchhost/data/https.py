"""One file over https: no other scheme at any redirect, and an end to it whatever the server does."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import quote

import requests
from requests.adapters import BaseAdapter

if TYPE_CHECKING:
    from benchhost.data.fetch import Sink

TIMEOUT_SECONDS = 30  # to connect, and between two pieces
PATIENCE_SECONDS = 60  # that a file may take however small it is
LEAST_RATE = 10_000  # bytes per second, beyond that
_PIECE = 1 << 16


class _Refused(BaseAdapter):
    """Stands for the schemes that are not used."""

    def send(self, request: requests.PreparedRequest, *args: object, **kwargs: object) -> requests.Response:
        raise requests.exceptions.InvalidSchema(f"a redirect leads to {request.url}, which is not https")

    def close(self) -> None:
        """Nothing is open."""


def get(url: str, sink: Sink, *, patience_s: float = PATIENCE_SECONDS) -> None:
    """Write the bytes at ``url``, an https address, to the sink.

    A download gets ``patience_s`` seconds and further ones in proportion to the sink's limit, as 10 kB/s would need.
    Raises OSError (of which requests' errors are) where the server fails, redirects to another scheme or is slower
    than that, and what the sink raises.
    """
    seconds = patience_s + sink.limit / LEAST_RATE
    end = time.monotonic() + seconds
    with requests.Session() as session:
        session.mount("http://", _Refused())
        with session.get(
            quote(url, safe=":/?&=%@+,;~"), stream=True, timeout=TIMEOUT_SECONDS, headers={"User-Agent": "benchhost"}
        ) as response:
            response.raise_for_status()
            # read1 returns with what has come: a server that sends byte by byte does not hold the loop.
            while piece := response.raw.read1(_PIECE):
                sink.write(piece)
                if time.monotonic() > end:
                    raise TimeoutError(f"not complete after {seconds:.0f} s")
