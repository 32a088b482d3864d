"""Time and memory of one reconstruction: a clock that stops while an iterate is scored, and high-water marks."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

TRACE_ROWS = 2000
LOAD_SLACK = 0.25  # our own threads bring the load average up to the number of cores, and a little beyond


class Stopwatch:
    """Wall-clock seconds of what runs on ``device``, which is synchronised before every reading."""

    def __init__(self, device: str) -> None:
        self._cuda = device.startswith("cuda")
        self._device = device
        self._paused = 0.0
        self._start = 0.0

    def start(self) -> None:
        """Begin, with nothing pending on the device."""
        self._wait()
        self._paused = 0.0
        self._start = time.perf_counter()

    def seconds(self) -> float:
        """Seconds since :meth:`start`, without what was excluded."""
        self._wait()
        return time.perf_counter() - self._start - self._paused

    def excluding(self, work: Callable[[float], Any]) -> None:
        """Run ``work(seconds so far)`` off the clock."""
        self._wait()
        begin = time.perf_counter()
        try:
            work(begin - self._start - self._paused)
        finally:
            self._wait()
            self._paused += time.perf_counter() - begin

    def _wait(self) -> None:
        if self._cuda:
            import torch

            torch.cuda.synchronize(self._device)


class Trace:
    """Convergence of one reconstruction: the primary metric of the iterates that a method offers.

    Every iterate counts for ``peak``; of the rows, when there are more than TRACE_ROWS, every second is dropped and
    from then on only every second is kept (and so on), so that a trace stays small and evenly spread.
    """

    def __init__(
        self, watch: Stopwatch, score: Callable[[Tensor], float | None], metric: str, *, higher_is_better: bool
    ) -> None:
        self._watch = watch
        self._score = score
        self._metric = metric
        self._better = max if higher_is_better else min
        self._offered = 0
        self._stride = 1
        self._rows: list[tuple[int, float, str, float]] = []
        self.peak: float | None = None

    def __call__(self, step: int, estimate: Tensor, **values: float) -> None:
        """Offer an iterate (B, C, H, W) and further numbers of this step; returns nothing, whatever it finds."""
        self._watch.excluding(lambda seconds: self._note(step, estimate, values, seconds))

    def columns(self) -> dict[str, list[Any]]:
        """The rows as columns."""
        names = ("step", "seconds", "metric", "value")
        return {name: [row[i] for row in self._rows] for i, name in enumerate(names)}

    def _note(self, step: int, estimate: Tensor, values: Mapping[str, float], seconds: float) -> None:
        value = self._score(estimate)
        if value is not None and value == value:
            self.peak = value if self.peak is None else self._better(self.peak, value)
        position, self._offered = self._offered, self._offered + 1
        if position % self._stride:
            return
        for name, number in ((self._metric, value), *values.items()):
            if number is not None:
                self._rows.append((int(step), round(seconds, 6), name, float(number)))
        if len(self._rows) > TRACE_ROWS:
            kept = dict.fromkeys(row[0] for row in self._rows)
            every_second = set(list(kept)[::2])
            self._rows = [row for row in self._rows if row[0] in every_second]
            self._stride *= 2


def load1() -> float | None:
    """One-minute load average, or None where the system has none."""
    try:
        return os.getloadavg()[0]
    except OSError:
        return None


def quiet(load: float | None, cores: int) -> bool:
    """Whether a load average says that nobody else is competing for the cores."""
    return load is not None and load < cores + LOAD_SLACK


class PeakMemory:
    """High-water marks of this process, in MB (2**20 bytes), from :meth:`reset` on.

    Where the system cannot reset its mark (not Linux), the mark is that of the whole process so far.
    """

    def __init__(self, device: str) -> None:
        self._cuda = device if device.startswith("cuda") else ""

    def reset(self) -> None:
        """Forget earlier peaks."""
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")
        if self._cuda:
            import torch

            torch.cuda.reset_peak_memory_stats(self._cuda)

    def rss_mb(self) -> float | None:
        """Peak resident memory."""
        try:
            for line in Path("/proc/self/status").read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return round(int(line.split()[1]) / 1024, 1)
        except OSError:
            pass
        try:
            import resource
        except ImportError:
            return None
        import sys

        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return round(peak / (2**20 if sys.platform == "darwin" else 1024), 1)

    def vram_mb(self) -> float | None:
        """Peak device memory held by torch's allocator, None on a CPU."""
        if not self._cuda:
            return None
        import torch

        return round(torch.cuda.max_memory_allocated(self._cuda) / 2**20, 1)
