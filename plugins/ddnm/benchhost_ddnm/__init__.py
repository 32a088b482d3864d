"""Diffusion priors and the samplers that use them."""
