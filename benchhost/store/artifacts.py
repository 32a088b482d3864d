"""Reconstructions as files named by their key: written aside, synced and renamed, so a file that exists is whole."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "reconstructions"


def artifact_path(key: str) -> str:
    """Where the reconstruction of ``key`` lies below the results folder: ``reconstructions/ab/KEY.safetensors``."""
    return f"{FOLDER}/{key[:2]}/{key}.safetensors"


def write_estimate(results: Path, key: str, estimate: Tensor, facts: Mapping[str, str] | None = None) -> str:
    """Write ``estimate`` (B, C, H, W) as float32; returns its path relative to ``results``."""
    import torch
    from safetensors.torch import save

    relative = artifact_path(key)
    target = results / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    data = save({"estimate": estimate.detach().to("cpu", torch.float32).contiguous()}, {"key": key, **(facts or {})})
    handle, name = tempfile.mkstemp(prefix=".", suffix=".tmp", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, target)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return relative


def read_estimate(results: Path, key: str) -> Tensor:
    """The stored float32 estimate (B, C, H, W) of ``key``; FileNotFoundError or ValueError where there is none."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = results / artifact_path(key)
    try:
        return load_file(path)["estimate"]
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path} is not a whole reconstruction: {error}") from error
