"""One process or several: the little that differs under torchrun."""

from __future__ import annotations

import os
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from benchhost.errors import UsageError


@dataclass(frozen=True)
class Group:
    """This process among those that train together."""

    rank: int
    world: int
    device: torch.device

    @classmethod
    def join(cls, device: str) -> Group:
        """Join the group that torchrun announced in the environment, or be alone.

        device: "cpu", "cuda", "cuda:1" or "auto"; under torchrun "cuda" becomes the one of the local rank.
        """
        if device == "auto":
            device = "cuda" if torch.cuda.is_available() else "cpu"
        if device.startswith("cuda") and not torch.cuda.is_available():
            raise UsageError(f"device '{device}' was asked for, but torch sees no GPU here")
        world = int(os.environ.get("WORLD_SIZE", "1"))
        if world == 1:
            return cls(0, 1, torch.device(device))
        if device == "cuda":
            device = f"cuda:{os.environ.get('LOCAL_RANK', '0')}"
            torch.cuda.set_device(device)
        if not dist.is_initialized():
            dist.init_process_group("nccl" if device.startswith("cuda") else "gloo")
        return cls(dist.get_rank(), dist.get_world_size(), torch.device(device))

    @property
    def first(self) -> bool:
        """Whether this process writes files and reports."""
        return self.rank == 0

    def wrap(self, network: nn.Module) -> nn.Module:
        """The network as it is called in the loss: its gradients are averaged over the group."""
        if self.world == 1:
            return network
        return nn.parallel.DistributedDataParallel(
            network, device_ids=[self.device] if self.device.type == "cuda" else None
        )

    def agree(self, *values: float) -> list[float]:
        """The first process's values, in all processes: clocks differ, decisions must not."""
        if self.world == 1:
            return list(values)
        told = torch.tensor(values, dtype=torch.float64, device=self.device)
        dist.broadcast(told, 0)
        return told.tolist()

    def mean(self, value: Tensor) -> Tensor:
        """The mean over the group."""
        if self.world > 1:
            value = value.clone()
            dist.all_reduce(value)
            value /= self.world
        return value

    def leave(self) -> None:
        """End the group."""
        if self.world > 1 and dist.is_initialized():
            dist.barrier()
            dist.destroy_process_group()
