"""Invertible diffusion models: a few DDNM steps, wired to be invertible and fine-tuned end to end."""
