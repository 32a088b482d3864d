"""The dip plugin."""
