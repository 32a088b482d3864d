"""Running cells: child processes with limits, honest times, a record for everything that happens."""

from benchhost.execute.options import Options

__all__ = ["Options", "execute", "rescore", "time_again"]


def __getattr__(name: str) -> object:
    """Import on first use: the parent process needs no more than it calls."""
    if name in ("execute", "rescore", "time_again"):
        from benchhost.execute import local

        return getattr(local, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
