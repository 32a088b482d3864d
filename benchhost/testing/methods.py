"""The contract of a method, checked on one problem: what every :class:`~benchhost.types.Method` must satisfy.

In a plugin's own tests::

    from benchhost.plugins import load
    from benchhost.testing.methods import assert_method
    from benchhost.testing.problems import pose

    def test_my_method_keeps_the_contract():
        catalogue = load()
        assert_method(catalogue.method("mine"), pose(catalogue.task("denoise")))
"""

from __future__ import annotations

import random
import time
from collections.abc import Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchhost import capability
from benchhost import params as P
from benchhost.execute.contract import (
    ContractBroken,
    check_estimate,
    generators_seeded,
    generators_untouched,
    tensor_digest,
)
from benchhost.plugins import resolve, resolve_for
from benchhost.testing.problems import Posing
from benchhost.types import Method, Problem


def why_not(method: Method, posing: Posing, params: Mapping[str, Any] | None = None) -> str:
    """Why the method cannot do the task, or ""; what a contract test skips with."""
    reasons = capability.missing(method.requires, posing.offers)
    if method.refuses:
        channels = posing.problem.image_shape[0] if posing.item.kind == "image" else 1
        values = _values(method, params)
        reason = resolve(method.refuses)(posing.task, posing.values, channels, values)
        reasons += [reason] if reason else []
    return "; ".join(reasons)


def assert_method(
    method: Method,
    posing: Posing,
    params: Mapping[str, Any] | None = None,
    *,
    batch: bool = False,
    deadline_s: float | None = None,
) -> Tensor:
    """Every clause of the contract that applies; returns the estimate, (B, C, H, W) float32.

    params: default: ``method.quick``.
    batch: also demand that two problems in a batch give what each gives alone, to 1e-3 of the range; for methods
        without randomness and without a stopping rule over the batch.
    deadline_s: also demand that a deadline so many seconds ahead is kept within a second (or as long again).
    Raises ContractBroken, which names the clause, or whatever the method raises.
    """
    values = _values(method, params)
    first, made = _run(method, values, posing, seed=0)
    estimate = check_estimate(first, len(posing.problem.y), posing.problem.image_shape)
    with _other_global_seeds():
        again, _ = _run(method, values, posing, seed=0, made=made)
    if not torch.equal(estimate, again.detach().cpu().float()):
        raise ContractBroken(
            "a second call on the same problem gave another image: the instance keeps state between calls, "
            "or draws from something else than problem.rng"
        )
    if not method.stochastic:
        other, _ = _run(method, values, posing, seed=1)
        if not torch.equal(estimate, other.detach().cpu().float()):
            raise ContractBroken("the result depends on problem.rng: declare stochastic=True")
    if method.sees_truth and method.role != "control":
        raise ContractBroken(f"a method that sees the truth is a control, not role='{method.role}'")
    if batch:
        assert_batch_is_loop(method, posing, values)
    if deadline_s is not None:
        assert_deadline(method, posing, values, deadline_s)
    return estimate


def assert_batch_is_loop(method: Method, posing: Posing, values: Any, *, tolerance: float = 1e-3) -> None:
    """Two measurements in one batch give what each gives alone."""
    y = torch.cat([posing.problem.y, 0.5 * posing.problem.y.flip(-1)])
    truth = torch.cat([posing.posed.truth, 0.5 * posing.posed.truth.flip(-1)])

    def reconstruct(part: slice) -> Tensor:
        problem = replace(posing.problem, y=y[part].clone(), rng=torch.Generator().manual_seed(0))
        return _call(method, resolve_for(method)(values), problem, truth[part])

    together = reconstruct(slice(0, 2))
    for i in (0, 1):
        gap = float((together[i : i + 1] - reconstruct(slice(i, i + 1))).abs().max())
        if gap > tolerance:
            raise ContractBroken(f"sample {i} of a batch differs by {gap:.2g} from the same sample alone")


def assert_deadline(method: Method, posing: Posing, values: Any, seconds: float) -> None:
    """With a deadline ``seconds`` ahead the method returns a valid estimate no later than 1 s (or 100 %) after it."""
    begin = time.monotonic()
    problem = replace(posing.problem, deadline=begin + seconds, rng=torch.Generator().manual_seed(0))
    result = _call(method, resolve_for(method)(values), problem, posing.posed.truth)
    took = time.monotonic() - begin
    check_estimate(result, len(problem.y), problem.image_shape)
    if took > seconds + max(1.0, seconds):
        raise ContractBroken(f"the deadline was {seconds:g} s ahead; the method returned after {took:.1f} s")


def _run(method: Method, values: Any, posing: Posing, *, seed: int, made: Any = None) -> tuple[Tensor, Any]:
    """One reconstruction with everything watched: (result, the instance that made it)."""
    problem = replace(posing.problem, y=posing.problem.y.clone(), rng=torch.Generator().manual_seed(seed))
    digest, spec = tensor_digest(problem.y), problem.physics.spec_id
    if made is None:
        with generators_seeded(0, problem.device):
            made = resolve_for(method)(values)
            if hasattr(made, "setup"):
                made.setup(replace(problem, y=torch.zeros_like(problem.y)))
    with generators_untouched(problem.device):
        result = _call(method, made, problem, posing.posed.truth)
    if tensor_digest(problem.y) != digest:
        raise ContractBroken("reconstruct changed problem.y in place")
    if problem.physics.spec_id != spec:
        raise ContractBroken("reconstruct changed problem.physics")
    return result, made


def _call(method: Method, made: Any, problem: Problem, truth: Tensor) -> Tensor:
    arguments = (truth.to(problem.device, copy=True),) if method.sees_truth else ()
    return made.reconstruct(problem, *arguments)


def _values(method: Method, params: Any) -> Any:
    given = method.quick if params is None else params
    return P.build(resolve_for(method, "params"), given, owner=f"method '{method.name}'")


@contextmanager
def _other_global_seeds():
    """Other global random states than before, put back afterwards."""
    python, legacy, state = random.getstate(), np.random.get_state(), torch.get_rng_state()
    random.seed(4711)
    np.random.seed(4711)
    torch.manual_seed(4711)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)
        torch.set_rng_state(state)
