"""The record of one cell: what the runner, a dead child's parent and the store agree on.  JSON-ready throughout."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from benchhost.plan import Cell

Kind = Literal["run", "time", "score"]
STATUSES = ("ok", "failed", "timeout", "oom", "crashed", "skipped")

# What of a record is kept beside the reconstruction, should the store be lost.
KEPT = ("seconds", "setup_seconds", "timing_valid", "load1", "threads", "device", "peak", "peak_rss_mb", "peak_vram_mb",
        "y_digest", "physics_id", "notes", "started_at")  # fmt: skip


def blank(cell: Cell, *, kind: Kind = "run", device: str = "cpu", threads: int | None = None) -> dict[str, Any]:
    """A record of ``cell`` in which nothing has happened yet.

    kind: "run" reconstructs and scores, "time" repeats a finished cell for its time alone, "score" adds metrics to a
        stored reconstruction.
    scores: value by metric id, None with a reason in ``metric_reasons`` where there is none; ``metric_facts`` holds
        version, direction, unit and decimals.
    peak: best traced iterate by the primary metric, None where nothing was traced.
    seconds: of ``reconstruct`` alone, without the cost of tracing; ``setup_seconds`` of loading and ``setup``.
    timing_valid: whether the cell had its cores to itself.  load1: one-minute load average before it began.
    peak_rss_mb, peak_vram_mb: high-water marks while this cell ran; the former counts the interpreter, too.
    y_digest: sha256 of the bytes of y; physics_id: spec_id of the operator; both equal for every method.
    trace: columns step, seconds, metric, value of the traced iterates.
    exception: type, message and traceback; exit_code and signal: how the process ended that died on this cell.
    """
    return {
        "key": cell.key,
        "measurement_key": cell.measurement_key,
        "kind": kind,
        "status": "failed",
        "reason": "not finished",
        "scores": {},
        "metric_reasons": {},
        "metric_facts": {},
        "peak": None,
        "seconds": None,
        "setup_seconds": None,
        "peak_rss_mb": None,
        "peak_vram_mb": None,
        "threads": threads,
        "device": device,
        "timing_valid": None,
        "load1": None,
        "y_digest": None,
        "physics_id": None,
        "notes": {},
        "artifact": "",
        "trace": {"step": [], "seconds": [], "metric": [], "value": []},
        "exception": None,
        "exit_code": None,
        "signal": None,
        "started_at": now(),
        "finished_at": None,
    }


def now() -> str:
    """The time as records write it: ISO 8601, UTC, microseconds."""
    return datetime.now(UTC).isoformat(timespec="microseconds")
