"""Raises an error."""

from benchopt import BaseSolver


class Solver(BaseSolver):
    """The fault."""

    name = "raises"
    sampling_strategy = "run_once"

    def set_objective(self, y):
        """Take in the problem."""
        self.y = y

    def run(self, _):
        """Fail."""
        raise ValueError("it cannot be done")

    def get_result(self):
        """The estimate."""
        return {"x": self.y}
