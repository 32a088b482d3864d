"""FACTOR A+ y."""

from benchmark_utils import FACTOR
from benchopt import BaseSolver


class Solver(BaseSolver):
    """The solver that works."""

    name = "pinv"
    sampling_strategy = "run_once"

    def set_objective(self, y):
        """Take in the problem."""
        self.y = y

    def run(self, _):
        """Solve it."""
        self.x = FACTOR * self.y

    def get_result(self):
        """The estimate."""
        return {"x": self.x}
