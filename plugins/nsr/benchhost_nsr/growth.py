"""Weights of one NSR network as the beginning of another: with more groups, for another task or another scale.

A dense network (one group) computes several times faster than a sparse one, and what it learned is a good beginning:
its kernels are copied into every group, where softmax gates mix copies to the same kernel, whatever the gates say.  The
copies are then perturbed, or no gate would ever learn: it sees differences only.  Experts are made sparse in the same
way (Komatsuzaki et al., "Sparse Upcycling", ICLR 2023).
"""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from benchhost_nsr.network import NsrShape

SPREAD = 0.1  # how far a group's kernels are moved, over their length


def grown(
    own: Mapping[str, Tensor], shape: NsrShape, given: Mapping[str, Tensor], given_shape: NsrShape
) -> dict[str, Tensor]:
    """The tensors of a network of one shape, from those given of another.

    own: the network's random tensors.  They give the directions in which groups are moved, and stay where the other
    network has nothing to offer: its gates where it has none, tail and way around where it has another scale.
    A head that gets more channels than it had begins by not listening to them.

    Raises ValueError where the two differ in blocks, features, width or channels, or in groups that are not one.
    """
    wrong = [
        f"{name} {getattr(given_shape, name)}, not {getattr(shape, name)}"
        for name in ("channels", "blocks", "features", "width")
        if getattr(given_shape, name) != getattr(shape, name)
    ]
    grows = given_shape.groups == 1 and shape.groups > 1 and {shape.gate, given_shape.gate} == {"softmax"}
    if not grows:
        wrong += [
            f"{name} {getattr(given_shape, name)}, not {getattr(shape, name)}"
            for name in ("groups", "cardinality", "gate")
            if getattr(given_shape, name) != getattr(shape, name) and (name != "cardinality" or shape.groups > 1)
        ]
    if wrong:
        raise ValueError(f"they are of a network with {'; '.join(wrong)}")
    given = {name.removeprefix("net."): tensor.float() for name, tensor in given.items()}
    result = {}
    for full, tensor in own.items():
        name = full.removeprefix("net.")
        part, _, kind = name.partition(".")
        other_scale = part in ("tail", "skip") and shape.scale != given_shape.scale
        new = other_scale or (grows and kind.startswith("gate")) or (name == "rho" and name not in given)
        if not new and name not in given:
            raise ValueError(f"they lack '{name}'")
        result[full] = tensor if new else _fitted(tensor, given[name], kind)
    return result


def _fitted(own: Tensor, given: Tensor, kind: str) -> Tensor:
    """A tensor of kernels with its rows repeated for every group, and zeros for further input channels."""
    given = given.to(own.device)
    if own.shape == given.shape:
        return given
    times = own.shape[1] // given.shape[1]
    result = given.repeat(1, times, *(1,) * (given.dim() - 2))
    if kind != "direction":
        return result
    wide = own.new_zeros(own.shape)
    wide[:, :, : given.shape[2]] = result
    if times == 1:
        return wide
    length = (_norm(wide) / _norm(own))[:, :, None, None, None]
    return wide + SPREAD * length * own


def _norm(direction: Tensor) -> Tensor:
    return direction.flatten(2).norm(dim=2)
