"""What the host itself offers, through the same hooks as any plugin."""
