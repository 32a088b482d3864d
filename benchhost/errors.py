"""Errors a user can act on, each with the exit code the command line ends with."""

from collections.abc import Iterable
from difflib import get_close_matches


class BenchhostError(Exception):
    """An error whose message is meant for the user; the command line prints it without a traceback."""

    exit_code = 1


class UsageError(BenchhostError):
    """The command, selection or configuration asks for something that does not exist or does not fit."""

    exit_code = 2


class PluginError(BenchhostError):
    """A plugin is broken, clashes with another or breaks its contract."""

    exit_code = 3


class DatasetMissing(BenchhostError):
    """A dataset's file is not on this machine; the message says where it was looked for and how to get it."""


class ChecksumMismatch(BenchhostError):
    """A file does not have the pinned sha256; nothing was overwritten."""


class UnsuitableImage(BenchhostError):
    """An image does not fit the task's block, scale or mask, and the protocol has no rule that makes it fit."""


class MetricUnavailable(BenchhostError):
    """A metric has no value here (no weights, no reference, window larger than the image): NA with this reason."""


class StoreError(BenchhostError):
    """The result store cannot be used: newer schema, damaged file, wrong URL."""


def unknown(kind: str, name: str, known: Iterable[str], *, where: str = "") -> UsageError:
    """Say which name is unknown, where, the nearest known one and the whole list.

    Example: ``No method 'ddmn'. Did you mean 'ddnm'? Known: ddnm, dip, tv``.
    """
    known = sorted(known)
    near = get_close_matches(name, known, n=1, cutoff=0.5)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    place = f" in {where}" if where else ""
    return UsageError(f"No {kind} '{name}'{place}.{hint} Known: {', '.join(known) or '(none)'}")
