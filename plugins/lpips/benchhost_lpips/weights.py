"""The user's weights: safetensors files named by path and sha256 in environment variables, verified before use."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from benchhost.errors import ChecksumMismatch, MetricUnavailable
from benchhost_lpips.network import backbone_shapes, head_shapes


def variable(net: str, part: str) -> str:
    """The environment variable that holds a path: ``BENCHHOST_LPIPS_ALEX_BACKBONE``; with ``_SHA256``, its checksum."""
    return f"BENCHHOST_LPIPS_{net.upper()}_{part.upper()}"


def weights(net: str) -> Mapping[str, Tensor]:
    """Backbone and heads of a net, float32.

    Raises MetricUnavailable where a variable is not set, or a file is missing, no safetensors file or of another
    network; ChecksumMismatch where a file is not the one that was meant.
    """
    return {**_part(net, "backbone"), **_part(net, "heads")}


def _part(net: str, part: str) -> Mapping[str, Tensor]:
    name = variable(net, part)
    path, sha256 = os.environ.get(name, ""), os.environ.get(f"{name}_SHA256", "")
    for wanted, value in ((name, path), (f"{name}_SHA256", sha256)):
        if not value:
            raise MetricUnavailable(
                f"LPIPS needs the {part} of {net}, which cannot be shipped: {wanted} is not set "
                f"(path and sha256 of a safetensors file; the README of benchhost-lpips says how to make it)"
            )
    shapes = backbone_shapes(net) if part == "backbone" else head_shapes(net)
    try:
        changed = Path(path).stat().st_mtime_ns
    except OSError as error:
        raise MetricUnavailable(f"the {part} of {net} cannot be read: {path} ({name}): {error.strerror}") from error
    return _load(path, sha256.lower(), changed, tuple(shapes.items()))


@lru_cache(maxsize=8)
def _load(
    path: str, sha256: str, changed: int, shapes: tuple[tuple[str, tuple[int, ...]], ...]
) -> Mapping[str, Tensor]:
    """Read, verify and check one file; kept for the life of the process, until the file changes."""
    found = hashlib.sha256(Path(path).read_bytes()).hexdigest()
    if found != sha256:
        raise ChecksumMismatch(f"{path} has sha256 {found}, expected {sha256}; nothing was changed")
    try:
        tensors = load_file(path)
    except SafetensorError as error:
        raise MetricUnavailable(
            f"{path} is not a safetensors file ({error}); pickled .pth files are not read, convert it first"
        ) from error
    for name, shape in shapes:
        if name not in tensors:
            raise MetricUnavailable(f"{path} has no tensor '{name}': it holds another network")
        if tuple(tensors[name].shape) != shape:
            raise MetricUnavailable(f"{path}: '{name}' has shape {tuple(tensors[name].shape)}, expected {shape}")
    return {name: tensors[name].float() for name, _ in shapes}
