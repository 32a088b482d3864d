"""What a plugin supplies to be trained: a network, a loss, a validation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import torch
    from torch import Tensor, nn

    from benchhost.types import Item


class Trainable(Protocol):
    """What the target of a :class:`~benchhost.types.Training` makes.

    It holds no tensors that learn: all of those are parameters or buffers of the network.

    It may also have ``adapt(network, trained) -> tensors``, which makes the weights of a related network fit
    (``--from``): ``network`` is at random weights, ``trained`` a :class:`benchhost.nets.weights.Trained`; it raises
    WeightsError for what it cannot use.  Without it the file must fit as it is.
    """

    def network(self) -> nn.Module:
        """Build the network, randomly initialised from torch's default generator, which the trainer has seeded."""

    def prepare(self, item: Item) -> np.ndarray:
        """An item of the training dataset as (C, H, W), uint8 or float32; it stays in memory as it is."""

    def loss(self, network: nn.Module, batch: Tensor, rng: torch.Generator) -> Tensor:
        """The scalar to minimise, differentiable, for a batch (B, C, P, P).

        batch: float32 on the network's device; what was prepared as uint8 has been divided by 255.
        rng: CPU generator, seeded by (seed, step, rank): all randomness comes from it, drawn on the CPU.
        Call ``network(...)`` itself, not its methods: under DDP it is a wrapper that only knows ``forward``.
        """

    def validate(self, network: nn.Module, images: Sequence[Tensor]) -> Mapping[str, float]:
        """Figures on held-out images (1, C, H, W), for the log and the model card.

        The network carries the averaged weights, gradients are off.  Equal weights must give equal figures.
        """

    def facts(self) -> Mapping[str, Any]:
        """What the exported file's card says of the network: enough to build it again.  JSON-ready."""
