"""Reconstructions as files named by their key: written aside, synced and renamed, so a file that exists is whole."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from benchhost.errors import StoreError

if TYPE_CHECKING:
    from torch import Tensor

FOLDER = "reconstructions"


def check_writable(results: Path) -> None:
    """Make the folder where it is missing; StoreError, with the reason, where nothing can be written in it."""
    try:
        results.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(prefix=".benchhost-", dir=results):
            pass
    except OSError as error:
        raise StoreError(
            f"the results folder '{results}' cannot be written: {error.strerror or error}; "
            "free or unlock it, or give another with --results"
        ) from error


def artifact_path(key: str) -> str:
    """Where the reconstruction of ``key`` lies below the results folder: ``reconstructions/ab/KEY.safetensors``."""
    return f"{FOLDER}/{key[:2]}/{key}.safetensors"


def write_estimate(results: Path, key: str, estimate: Tensor, facts: Mapping[str, str] | None = None) -> str:
    """Write ``estimate`` (B, C, H, W) as float32, with ``facts`` and a checksum; returns its path below ``results``."""
    import torch
    from safetensors.torch import save

    relative = artifact_path(key)
    target = results / relative
    target.parent.mkdir(parents=True, exist_ok=True)
    plain = estimate.detach().to("cpu", torch.float32).contiguous()
    data = save({"estimate": plain}, {"key": key, "sha256": _checksum(plain), **(facts or {})})
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
    from safetensors import SafetensorError, safe_open

    path = results / artifact_path(key)
    try:
        with safe_open(path, framework="pt") as file:
            estimate, facts = file.get_tensor("estimate"), file.metadata() or {}
    except (SafetensorError, KeyError) as error:
        raise ValueError(f"{path} is not a whole reconstruction: {error}") from error
    if facts.get("sha256", _checksum(estimate)) != _checksum(estimate):
        raise ValueError(f"{path} is not a whole reconstruction: its values are not those that were written")
    return estimate


def read_facts(path: Path) -> dict[str, str]:
    """What was written beside the estimate in a file; ValueError where it is none of ours or not whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            return dict(file.metadata() or {})
    except (SafetensorError, UnicodeDecodeError) as error:
        raise ValueError(f"{path} is not a whole reconstruction: {error}") from error


def _checksum(estimate: Tensor) -> str:
    return hashlib.sha256(estimate.numpy().tobytes()).hexdigest()
