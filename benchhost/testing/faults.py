"""Methods that fail in every way a method can, as a plugin: ``--plugin benchhost.testing.faults``.

Each works on any task, and fails on every image, or on the one that ``image`` counts (from 1, in this process).
"""

from __future__ import annotations

import ctypes
import os
import random
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from benchhost.hookspecs import hookimpl
from benchhost.params import param
from benchhost.types import Method, Problem

if TYPE_CHECKING:
    from torch import Tensor

HERE = "benchhost.testing.faults"
HUNDRED_GB = 100 * 10**9


@dataclass(frozen=True)
class FaultParams:
    """When to fail."""

    image: int = param(0, doc="which image of the process fails, from 1; 0: every one", minimum=0)


class Fault:
    """Behaves well, but for what a subclass does in ``fail``."""

    def __init__(self, params: FaultParams) -> None:
        self.params = params
        self.count = 0

    def reconstruct(self, problem: Problem) -> Tensor:
        """The baseline of the task, or the fault."""
        self.count += 1
        if self.params.image in (0, self.count):
            return self.fail(problem)
        return problem.physics.baseline(problem.y)

    def fail(self, problem: Problem) -> Tensor:
        """What goes wrong."""
        raise NotImplementedError


class Raises(Fault):
    """An ordinary exception."""

    def fail(self, problem: Problem) -> Tensor:
        """Raise."""
        raise ValueError("the step size must be positive")


class Hangs(Fault):
    """Never returns, and does not listen to SIGTERM."""

    def fail(self, problem: Problem) -> Tensor:
        """Sleep through everything."""
        while True:
            try:
                time.sleep(3600)
            except BaseException:  # the worst case: a method that swallows every request to stop
                continue


class Segfaults(Fault):
    """Reads address 0."""

    def fail(self, problem: Problem) -> Tensor:
        """Dereference a null pointer."""
        return ctypes.string_at(0)


class Aborts(Fault):
    """Ends as C libraries do on an inner contradiction."""

    def fail(self, problem: Problem) -> Tensor:
        """SIGABRT."""
        os.abort()


class Exits(Fault):
    """Ends the process under everybody."""

    def fail(self, problem: Problem) -> Tensor:
        """os._exit."""
        os._exit(17)


class SysExits(Fault):
    """Raises SystemExit."""

    def fail(self, problem: Problem) -> Tensor:
        """sys.exit."""
        sys.exit(3)


class AsksFor100GB(Fault):
    """One request for 100 GB, never touched."""

    def fail(self, problem: Problem) -> Tensor:
        """Allocate."""
        import torch

        return torch.empty(HUNDRED_GB // 4)[:1]


class Eats100GB(Fault):
    """100 GB piece by piece, every page touched."""

    def fail(self, problem: Problem) -> Tensor:
        """Allocate and write."""
        import numpy as np

        pieces = []
        while len(pieces) * 2**26 < HUNDRED_GB:
            pieces.append(np.ones(2**26, np.uint8))
        return problem.physics.baseline(problem.y)


class ReturnsNan(Fault):
    """An estimate with one NaN."""

    def fail(self, problem: Problem) -> Tensor:
        """Spoil one pixel."""
        estimate = problem.physics.baseline(problem.y).clone()
        estimate[..., 0, 0] = float("nan")
        return estimate


class WrongShape(Fault):
    """An estimate without its batch dimension."""

    def fail(self, problem: Problem) -> Tensor:
        """Drop it."""
        return problem.physics.baseline(problem.y)[0]


class ReturnsArray(Fault):
    """A numpy array where a tensor is due."""

    def fail(self, problem: Problem) -> Tensor:
        """Convert."""
        return problem.physics.baseline(problem.y).numpy()


class ReturnsComplex(Fault):
    """Complex numbers where two channels are due."""

    def fail(self, problem: Problem) -> Tensor:
        """Convert."""
        return problem.physics.baseline(problem.y) * 1j


class MutatesY(Fault):
    """Changes the measurement in place."""

    def fail(self, problem: Problem) -> Tensor:
        """Scale y."""
        problem.y.mul_(2)
        return problem.physics.baseline(problem.y)


class GlobalNumpy(Fault):
    """Draws from numpy's global generator."""

    def fail(self, problem: Problem) -> Tensor:
        """Draw."""
        import numpy as np

        return problem.physics.baseline(problem.y) + float(np.random.standard_normal())


class GlobalTorch(Fault):
    """Draws from torch's global generator."""

    def fail(self, problem: Problem) -> Tensor:
        """Draw."""
        import torch

        estimate = problem.physics.baseline(problem.y)
        return estimate + torch.randn(estimate.shape)


class GlobalPython(Fault):
    """Draws from Python's global generator."""

    def fail(self, problem: Problem) -> Tensor:
        """Draw."""
        return problem.physics.baseline(problem.y) + random.random()


class BadSetup(Fault):
    """Cannot be set up."""

    def setup(self, problem: Problem) -> None:
        """Raise."""
        raise FileNotFoundError("no weights file")


class CrashesInSetup(Fault):
    """Dies while it is set up."""

    def setup(self, problem: Problem) -> None:
        """Dereference a null pointer."""
        ctypes.string_at(0)


class Slow(Fault):
    """Takes its time and works."""

    def fail(self, problem: Problem) -> Tensor:
        """Sleep, then answer."""
        time.sleep(float(os.environ.get("BENCHHOST_SLOW", "0.2")))
        return problem.physics.baseline(problem.y)


class LeavesChildren(Fault):
    """Starts a process of its own and dies without ending it."""

    def fail(self, problem: Problem) -> Tensor:
        """Fork a sleeper, then exit."""
        import subprocess

        subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        os._exit(18)


FAULTS: dict[str, Callable[..., Fault]] = {
    "raises": Raises,
    "hangs": Hangs,
    "segfaults": Segfaults,
    "aborts": Aborts,
    "exits": Exits,
    "sys-exits": SysExits,
    "asks-for-100-gb": AsksFor100GB,
    "eats-100-gb": Eats100GB,
    "returns-nan": ReturnsNan,
    "wrong-shape": WrongShape,
    "returns-array": ReturnsArray,
    "returns-complex": ReturnsComplex,
    "mutates-y": MutatesY,
    "global-numpy": GlobalNumpy,
    "global-torch": GlobalTorch,
    "global-python": GlobalPython,
    "bad-setup": BadSetup,
    "crashes-in-setup": CrashesInSetup,
    "leaves-children": LeavesChildren,
    "slow": Slow,
}


@hookimpl
def benchhost_methods() -> Iterable[Method]:
    """One method a fault, named ``fault-...``."""
    for name, cls in FAULTS.items():
        yield Method(
            name=f"fault-{name}",
            target=f"{HERE}:{cls.__name__}",
            params=f"{HERE}:FaultParams",
            summary=cls.__doc__.splitlines()[0].rstrip("."),
            role="control",
        )
