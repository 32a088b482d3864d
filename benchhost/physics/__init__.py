"""Operators of imaging inverse problems: what a task measures with and a method reconstructs with."""

from benchhost.physics.operator import LinearPhysics, Physics, SpectralPhysics, array_id

__all__ = ["LinearPhysics", "Physics", "SpectralPhysics", "array_id"]
