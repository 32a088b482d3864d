"""The tasks plugin."""
