"""The same solver for benchhost, and solvers that fail: ``--plugin trivial``."""

from collections.abc import Iterable

from benchhost.hookspecs import hookimpl
from benchhost.types import Method


@hookimpl
def benchhost_methods() -> Iterable[Method]:
    """One method that works and three that do not."""
    for name in ("Pinv", "Raises", "Hangs", "Kills"):
        yield Method(
            name=f"trivial-{name.lower()}",
            target=f"trivial.solvers:{name}",
            summary="A+ y, or a fault",
            requires=frozenset({"pinv"}),
        )
