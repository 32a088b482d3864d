"""Mean squared error of the estimate; what a solver is given."""

from benchopt import BaseObjective


class Objective(BaseObjective):
    """Score of one image."""

    name = "error"

    def set_data(self, y, truth):
        """Take in what the data set gives."""
        self.y, self.truth = y, truth

    def get_objective(self):
        """What the solver sees."""
        return {"y": self.y}

    def evaluate_result(self, x):
        """Score the estimate."""
        return {"value": float(((x - self.truth) ** 2).mean())}

    def get_one_result(self):
        """Any estimate, for benchopt's own tests."""
        return {"x": self.y}
