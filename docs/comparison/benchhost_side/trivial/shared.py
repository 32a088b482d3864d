"""What the solvers share, and what the comparison edits."""

FACTOR = 1.0
