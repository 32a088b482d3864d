"""Does not come back."""

import time

from benchopt import BaseSolver


class Solver(BaseSolver):
    """The fault."""

    name = "hangs"
    sampling_strategy = "run_once"

    def set_objective(self, y):
        """Take in the problem."""
        self.y = y

    def run(self, _):
        """Fail."""
        time.sleep(3600)

    def get_result(self):
        """The estimate."""
        return {"x": self.y}
