"""Checkpoints: one safetensors file, all tensors by name and the rest as JSON in its header.  Nothing is pickled."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from benchhost.errors import BenchhostError, UsageError
from benchhost.nets.weights import misfit

FORMAT = 1
LAST, TRUNK = "last.safetensors", "trunk.safetensors"


class CheckpointError(BenchhostError):
    """A checkpoint is damaged, from another version, or of another network; the message says which and where."""


def write(path: Path, tensors: Mapping[str, Tensor], facts: Mapping[str, Any]) -> None:
    """Write all or nothing: to a temporary name, synced, then renamed over the old file."""
    header = {"benchhost": json.dumps({"format": FORMAT, **facts}, sort_keys=True)}
    plain = {name: tensor.detach().to("cpu").contiguous() for name, tensor in tensors.items()}
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    with temporary.open("wb") as file:
        file.write(save(plain, metadata=header))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def read(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors by name, and the facts.  Raises CheckpointError for anything that is not a checkpoint of this format."""
    if not path.is_file():
        raise UsageError(f"no checkpoint {path}")
    try:
        with safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get("benchhost")
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  not a dict
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable safetensors file: {error}") from error
    if header is None:
        raise CheckpointError(f"{path} is a safetensors file, but no checkpoint of a training")
    facts = json.loads(header)
    if facts.get("format") != FORMAT:
        raise CheckpointError(f"{path} has format {facts.get('format')}; this version reads format {FORMAT}")
    return tensors, facts


def pack(network: nn.Module, average: Mapping[str, Tensor], optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """All tensors a run needs to go on: ``network/NAME``, ``average/NAME``, ``optimizer/NAME/STATE``."""
    tensors = {f"network/{name}": tensor for name, tensor in network.state_dict().items()}
    tensors |= {f"average/{name}": tensor for name, tensor in average.items()}
    for name, parameter in network.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"optimizer/{name}/{key}"] = torch.as_tensor(value)
    return tensors


def unpack(
    tensors: Mapping[str, Tensor],
    network: nn.Module,
    average: dict[str, Tensor],
    optimizer: torch.optim.Optimizer,
    *,
    path: Path,
) -> None:
    """Put a checkpoint's tensors into place, on the devices of those they replace.

    Raises CheckpointError naming the first tensor that is missing, unknown or of another shape.
    """
    load_weights(network, _part(tensors, "network"), path=path)
    stored = _part(tensors, "average")
    _compare({name: tuple(t.shape) for name, t in average.items()}, stored, path)
    for name, tensor in average.items():
        tensor.copy_(stored[name])
    states = _part(tensors, "optimizer")
    for name, parameter in network.named_parameters():
        mine = {key: states[f"{name}/{key}"] for key in _state_keys(states, name)}
        for key, value in mine.items():
            if value.ndim and value.shape != parameter.shape:
                raise CheckpointError(
                    f"{path}: 'optimizer/{name}/{key}' is {tuple(value.shape)}, not {tuple(parameter.shape)}"
                )
        if mine:
            # Each state takes the layout of its parameter: fused optimizers walk both memories side by side.
            optimizer.state[parameter] = {
                key: torch.empty_like(parameter).copy_(value) if value.ndim else value.clone()
                for key, value in mine.items()
            }
    optimizer.load_state_dict(optimizer.state_dict())  # lets the optimizer put each state where it wants it


def load_weights(network: nn.Module, weights: Mapping[str, Tensor], *, path: Path) -> None:
    """Load a network's own tensors; one clear error names the first that does not fit."""
    own = network.state_dict()
    _compare({name: tuple(t.shape) for name, t in own.items()}, weights, path)
    network.load_state_dict(dict(weights))


def _compare(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, Tensor], path: Path) -> None:
    if wrong := misfit(expected, found):
        raise CheckpointError(f"{path}: {wrong}")


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.partition("/")[2]: tensor for name, tensor in tensors.items() if name.startswith(f"{prefix}/")}


def _state_keys(states: Mapping[str, Tensor], name: str) -> list[str]:
    return [key.rpartition("/")[2] for key in states if key.rpartition("/")[0] == name]
