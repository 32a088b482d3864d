"""The moving average of the weights, which validates and is exported."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Average:
    """Exponential moving average of a network's parameters; buffers are taken as they are.

    The decay starts low and approaches ``decay`` as (1 + n) / (10 + n), so that the random initial weights are soon
    forgotten.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        self.decay = decay
        self.tensors: dict[str, Tensor] = {
            name: tensor.detach().clone() for name, tensor in network.state_dict().items()
        }
        learned = {name for name, _ in network.named_parameters()}
        self._learned = [name for name in self.tensors if name in learned]
        self._others = [name for name in self.tensors if name not in learned]

    @torch.no_grad()
    def update(self, network: nn.Module, step: int) -> None:
        """Take in the weights after step ``step`` (counted from 0)."""
        now = network.state_dict()
        weight = 1 - min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_([self.tensors[n] for n in self._learned], [now[n] for n in self._learned], weight)
        for name in self._others:
            self.tensors[name].copy_(now[name])
