"""The contract of a task, checked by posing it on a small generated image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from benchhost import params as P
from benchhost.capability import CAPABILITIES
from benchhost.errors import MetricUnavailable
from benchhost.execute.contract import ContractBroken, generators_untouched
from benchhost.physics import LinearPhysics
from benchhost.plan import task_metrics
from benchhost.plugins import Catalogue, resolve_for
from benchhost.testing.operators import assert_linear_physics, assert_physics
from benchhost.testing.problems import Posing, pose
from benchhost.types import Posed, Task, View

OF_THE_OPERATOR = frozenset({"linear", "adjoint", "pinv", "exact-pinv", "svd", "prox", "differentiable"})
ROUNDING = 0.05  # largest |y - A x| / |y| that a sensor without noise may cause (8-bit rounding, another grid)


def assert_task(task: Task, catalogue: Catalogue, values: Mapping[str, Any] | None = None) -> Posing:
    """Every clause at one level (default: the default level); returns the posed problem.

    The operator's own contract is :func:`assert_operator`, which takes longer.
    Raises ContractBroken, which names the clause.
    """
    assert_record(task, catalogue)
    with generators_untouched("cpu"):
        posing = pose(task, values)
    _assert_repeatable(posing)
    _assert_shapes(posing)
    _assert_capabilities(posing)
    _assert_noise(posing)
    _assert_view(posing, catalogue)
    return posing


def assert_record(task: Task, catalogue: Catalogue) -> None:
    """Levels are legal, the default is one of them, capabilities, metrics and datasets exist."""
    if not 0 <= task.default_level < len(task.levels):
        raise ContractBroken(f"default_level {task.default_level} is none of {len(task.levels)} levels")
    for level in task.levels:
        params = P.build(resolve_for(task, "params"), level, owner=f"task '{task.name}'")
        for id in task_metrics(task, params):
            catalogue.metric(id)
    for name in task.datasets:
        dataset = catalogue.dataset(name)
        if dataset.kind not in task.kinds:
            raise ContractBroken(
                f"default dataset '{name}' is of kind '{dataset.kind}', the task takes {set(task.kinds)}"
            )
    if strange := task.offers - set(CAPABILITIES):
        raise ContractBroken(f"offers {sorted(strange)}: no method can ask for these")


def assert_operator(posing: Posing, *, pinv_tolerance: float = 1e-3) -> None:
    """The contract of ``posing.posed.physics`` (:mod:`benchhost.testing.operators`), in its own precision.

    pinv_tolerance: of A A+ A = A relative to the norm; the default leaves room for a blur's cut singular values.
    """
    physics, rng = posing.posed.physics, torch.Generator().manual_seed(0)
    if isinstance(physics, LinearPhysics):
        assert_linear_physics(physics, rng, posing.posed.y.dtype, pinv_tolerance=pinv_tolerance, limits=False)
    else:
        assert_physics(physics, rng, posing.posed.y.dtype)


def _assert_repeatable(posing: Posing) -> None:
    values = P.as_dict(posing.values)
    again = pose(posing.task, values, size=None).posed
    if not torch.equal(again.y, posing.posed.y):
        raise ContractBroken("posing the same item twice gave two measurements: draw from seeds.random_state")
    if not torch.equal(again.truth, posing.posed.truth) or again.physics.spec_id != posing.posed.physics.spec_id:
        raise ContractBroken("posing the same item twice gave two truths or two operators")


def _assert_shapes(posing: Posing) -> None:
    posed = posing.posed
    _expect("y", posed.y, posed.physics.out_shape)
    _expect("truth", posed.truth, posed.physics.in_shape)
    baseline = posed.physics.baseline(posed.y)
    _expect("baseline(y)", baseline, posed.physics.in_shape)
    if posed.complex_image and posed.truth.shape[1] != 2:
        raise ContractBroken(f"a complex image has 2 channels, the truth has {posed.truth.shape[1]}")
    if posed.value_range:
        low, high = posed.value_range
        if posed.truth.min() < low - 1e-6 or posed.truth.max() > high + 1e-6:
            raise ContractBroken(f"the truth leaves value_range {posed.value_range}")


def _expect(name: str, value: Tensor, shape: tuple[int, ...]) -> None:
    if value.dtype != torch.float32:
        raise ContractBroken(f"{name} is {value.dtype}, expected torch.float32")
    if tuple(value.shape[1:]) != tuple(shape):
        raise ContractBroken(
            f"{name} has shape {tuple(value.shape)}, the operator says (B, {', '.join(map(str, shape))})"
        )
    if not value.isfinite().all():
        raise ContractBroken(f"{name} has values that are not finite")


def _assert_capabilities(posing: Posing) -> None:
    posed, offered = posing.posed, posing.offers
    if missing := (offered & OF_THE_OPERATOR) - posed.physics.offers():
        raise ContractBroken(f"offers {sorted(missing)}, which the operator {posed.physics!r} does not have")
    if "sigma" in offered and posed.sigma is None:
        raise ContractBroken("offers 'sigma', but sigma is None")
    if "real" in offered and posed.complex_image:
        raise ContractBroken("offers 'real', but the image is complex")
    if "grey" in offered and posed.truth.shape[1] != 1:
        raise ContractBroken(f"offers 'grey', but the image has {posed.truth.shape[1]} channels")
    if "bounded" in offered and posed.value_range != (0.0, 1.0):
        raise ContractBroken(f"offers 'bounded', but value_range is {posed.value_range}")


def _assert_noise(posing: Posing) -> None:
    """Entries that are not measured carry none, so the level bounds the noise from above."""
    posed = posing.posed
    if "awgn" not in posing.offers or posed.sigma is None:
        return
    residual = posed.y.double() - posed.physics.A(posed.truth).double()
    if posed.sigma == 0:
        share = float(residual.norm() / posed.y.double().norm().clamp(min=1e-12))
        if share > ROUNDING:
            raise ContractBroken(f"sigma is 0, but y differs from A x by {100 * share:.1f} %")
        return
    deviation = float(residual.pow(2).mean().sqrt())
    # Five standard errors of a sample deviation, and 2 % for rounding in the sensor.
    if not 0 < deviation <= posed.sigma * (1.02 + 5 / (2 * residual.numel()) ** 0.5):
        raise ContractBroken(f"sigma is {posed.sigma:.4g}, but y differs from A x by {deviation:.4g} (rms)")


def _assert_view(posing: Posing, catalogue: Catalogue) -> None:
    posed = posing.posed
    view = posed.view(posed.truth)
    for name, array in (("estimate", view.estimate), ("truth", view.truth)):
        if array.dtype != np.float64 or not np.isfinite(array).all():
            raise ContractBroken(f"view().{name} is {array.dtype}, expected finite float64")
    if view.estimate.shape != view.truth.shape or np.abs(view.estimate - view.truth).max() > 1e-5:
        raise ContractBroken("the view of the truth is not the truth: crop, modulus or scale differ between its sides")
    baseline = _view_of_baseline(posed)
    for id in task_metrics(posing.task, posing.values):
        metric = catalogue.metric(id)
        try:
            value = resolve_for(metric)(baseline, **metric.options)
        except MetricUnavailable:
            continue
        if not isinstance(value, float) or value != value:
            raise ContractBroken(f"metric '{id}' of the baseline is {value!r}")


def _view_of_baseline(posed: Posed) -> View:
    return replace(posed.view(posed.physics.baseline(posed.y)), consistency=0.0)
