"""A+ y, and the faults that a run has to survive."""

import os
import signal
import time

from torch import Tensor

from benchhost.types import Problem
from trivial.shared import FACTOR


class Pinv:
    """FACTOR A+ y."""

    def __init__(self, params: None) -> None: ...

    def reconstruct(self, problem: Problem) -> Tensor:
        """Estimate (B, C, H, W)."""
        return FACTOR * problem.physics.A_dagger(problem.y)


class Raises(Pinv):
    """Raises an error."""

    def reconstruct(self, problem: Problem) -> Tensor:
        """Fail."""
        raise ValueError("it cannot be done")


class Hangs(Pinv):
    """Does not come back."""

    def reconstruct(self, problem: Problem) -> Tensor:
        """Sleep for an hour."""
        time.sleep(3600)
        return problem.y


class Kills(Pinv):
    """Is killed, as by the kernel where memory runs out."""

    def reconstruct(self, problem: Problem) -> Tensor:
        """End the process at once."""
        os.kill(os.getpid(), signal.SIGKILL)
        return problem.y
