"""Scoring: the metrics of a task on a final estimate, and the primary one on the iterates that a method offers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from benchhost.errors import MetricUnavailable
from benchhost.execute.contract import ContractBroken
from benchhost.execute.timing import Stopwatch, Trace
from benchhost.plugins import resolve_for
from benchhost.types import Metric, Posed


class Scorer:
    """The metrics of a batch, primary first; each is imported when it is first needed."""

    def __init__(self, metrics: Sequence[Metric]) -> None:
        self._metrics = metrics
        self._functions: dict[str, Callable[..., float]] = {}

    def score(self, posed: Posed, estimate: Tensor, record: dict[str, Any]) -> None:
        """Put every metric's value, or None and the reason, into ``record``; ``estimate`` is float32 (B, C, H, W)."""
        view = replace(posed.view(estimate), consistency=consistency(posed, estimate))
        for metric in self._metrics:
            record["metric_facts"][metric.id] = {
                "metric": metric.id,
                "version": metric.version,
                "higher_is_better": metric.higher_is_better,
                "unit": metric.unit,
                "decimals": metric.decimals,
            }
            try:
                value, reason = float(self._function(metric)(view, **metric.options)), ""
            except MetricUnavailable as error:
                value, reason = None, f"unavailable: {error}"
            except Exception as error:  # one broken metric must not cost the others, nor the reconstruction
                value, reason = None, f"{type(error).__name__}: {error}"
            if value is not None and value != value:
                value, reason = None, "the metric gave NaN"
            record["scores"][metric.id] = value
            if reason:
                record["metric_reasons"][metric.id] = reason

    def trace(self, posed: Posed, watch: Stopwatch) -> Trace | None:
        """A scorer of iterates by the primary metric, or None where the task has no metric."""
        if not self._metrics:
            return None
        primary, expected = self._metrics[0], tuple(posed.truth.shape)

        def score(iterate: Tensor) -> float | None:
            if tuple(iterate.shape) != expected:
                raise ContractBroken(f"trace was given shape {tuple(iterate.shape)}, expected {expected}")
            with torch.no_grad():
                try:
                    view = posed.view(iterate.detach().to("cpu", torch.float32))
                    return float(self._function(primary)(view, **primary.options))
                except MetricUnavailable:
                    return None

        return Trace(watch, score, primary.id, higher_is_better=primary.higher_is_better)

    def _function(self, metric: Metric) -> Callable[..., float]:
        if metric.id not in self._functions:
            self._functions[metric.id] = resolve_for(metric)
        return self._functions[metric.id]


def consistency(posed: Posed, estimate: Tensor) -> float:
    """norm(A x - y) / norm(y), summed in float64; NaN where y is zero or there is no A."""
    with torch.no_grad():
        try:
            residual = posed.physics.A(estimate) - posed.y
        except NotImplementedError:
            return float("nan")
        size = posed.y.double().norm().item()
        return residual.double().norm().item() / size if size else float("nan")
