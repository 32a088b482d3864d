"""What the dip plugin brings; importing it imports no torch."""

from collections.abc import Iterable

from benchhost.hookspecs import hookimpl
from benchhost.types import Method


@hookimpl
def benchhost_methods() -> Iterable[Method]:
    """Deep Image Prior, for every task."""
    yield Method(
        name="dip",
        target="benchhost_dip.method:Dip",
        params="benchhost_dip.params:DipParams",
        summary="Deep Image Prior: an untrained network fitted to the measurements, stopped before it fits the noise",
        presets={"paper": {"recipe": "paper"}, "fast": {"recipe": "fast"}},
        default_preset={"cpu": "fast", "cuda": "paper"},
        training="none",
        trained_on=(),
        stochastic=True,
        quick={"recipe": "fast", "iterations": 60},
        citation="Ulyanov, Vedaldi, Lempitsky: Deep Image Prior. CVPR 2018",
    )
