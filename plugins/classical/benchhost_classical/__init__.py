"""The classical plugin."""
