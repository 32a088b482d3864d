"""Is killed, as by the kernel where memory runs out."""

import os
import signal

from benchopt import BaseSolver


class Solver(BaseSolver):
    """The fault."""

    name = "kills"
    sampling_strategy = "run_once"

    def set_objective(self, y):
        """Take in the problem."""
        self.y = y

    def run(self, _):
        """Fail."""
        os.kill(os.getpid(), signal.SIGKILL)

    def get_result(self):
        """The estimate."""
        return {"x": self.y}
