"""Which noise levels a sampler visits: strided steps down the schedule, and back up where it travels in time."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from benchhost.nets import NoiseSchedule

CLEAN = -1  # the place below the last rung: no noise is left


def places(steps: int, length: int = 1, repeat: int = 1) -> Iterator[int]:
    """Rungs from ``steps`` - 1 down to 0 and then ``CLEAN``.

    With time travel the sampler goes back up by ``length`` at 0, ``length``, 2 ``length``, ... below ``steps`` -
    ``length`` and down again, ``repeat`` - 1 times at each (RePaint's schedule, with the rise as one move).
    """
    jumps = dict.fromkeys(range(0, steps - length, length), repeat - 1)
    place = steps - 1
    while place > CLEAN:
        yield place
        if jumps.get(place, 0):
            jumps[place] -= 1
            place += length
        else:
            place -= 1
    yield CLEAN


def moves(schedule: NoiseSchedule, steps: int, length: int = 1, repeat: int = 1) -> list[tuple[float, float]]:
    """The sampler's moves as pairs of alpha_bar (from, to); rung i is step i 1000 / ``steps`` of the schedule.

    A move to a larger alpha_bar is an evaluation of the network, one to a smaller a return to more noise.  100 steps of
    1000 are t = 990, 980, ..., 0, and alpha_bar = 1 at the end.
    """
    if not 1 <= steps <= schedule.steps:
        raise ValueError(f"steps must lie in 1 to {schedule.steps}, got {steps}")
    levels = [float(schedule.alpha_bar[i * schedule.steps // steps]) for i in range(steps)] + [1.0]  # [CLEAN] is 1
    return [(levels[a], levels[b]) for a, b in pairwise(places(steps, length, repeat))]
