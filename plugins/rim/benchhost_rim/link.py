"""Link functions: from the unbounded eta, in which a RIM takes its steps, to images v whose values lie in [-1, 1]."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

Link = Literal["logistic", "identity"]
REACH = 1.2  # the logistic link covers [-1.2, 1.2]: black and white are reached at a finite eta, with a slope
EDGE = 0.97  # share of its reach that a start may use, so that no pixel begins where the slope is nearly zero


def image(link: Link, eta: Tensor) -> Tensor:
    """v = Psi(eta); the logistic function stretched to [-REACH, REACH] is REACH tanh(eta / 2)."""
    return eta if link == "identity" else REACH * torch.tanh(eta / 2)


def slope(link: Link, v: Tensor) -> Tensor:
    """Psi'(eta) at v = Psi(eta)."""
    return torch.ones_like(v) if link == "identity" else (REACH**2 - v.square()) / (2 * REACH)


def inverse(link: Link, v: Tensor) -> Tensor:
    """The eta of an image, its values clipped to what the link covers."""
    return v if link == "identity" else 2 * torch.atanh((v / REACH).clamp(-EDGE, EDGE))
