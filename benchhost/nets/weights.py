"""Trained weights: found beside a package or by path, verified by checksum, read without pickle, put into a network."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.resources import files
from pathlib import Path
from typing import Any, TypeVar

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor, nn

from benchhost.errors import BenchhostError
from benchhost.nets.unet import UNet, UNetShape

S = TypeVar("S")
MAX_BYTES = 2**31  # of a file of weights; it is read whole


class WeightsError(BenchhostError):
    """A file of weights is absent, damaged, or of another network; the message says which, what was expected, found."""


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A file of weights, read.

    tensors: by name, as stored (trainings store half precision).
    network: the facts of the file's header that say how to build the network, as ``Trainable.facts`` gave them.
    """

    path: Path
    sha256: str
    tensors: dict[str, Tensor]
    network: dict[str, Any]


def packaged(file: str, *, package: str, training: str = "") -> Path:
    """Where a file of weights lies that is shipped beside the code of ``package``.

    file: a name, or "package:name" for a file of another package, as in :class:`benchhost.types.Weights`.
    training: what ``benchhost train`` calls the training that makes it, for the message.
    Raises WeightsError where it is missing.
    """
    package, _, file = file.rpartition(":") if ":" in file else (package, "", file)
    try:
        path = Path(str(files(package) / file))
    except ModuleNotFoundError as error:
        raise WeightsError(f"no weights '{file}': there is no package '{package}' to look in") from error
    if not path.is_file():
        raise WeightsError(
            f"no weights '{file}': expected {path}. Train them (benchhost train {training or 'NAME'}) "
            "and give the file as parameter: weights=FILE"
        )
    return path


def read_trained(path: str | Path, *, sha256: str | None = None) -> Trained:
    """Read a file that ``benchhost train`` exported.

    sha256: the checksum that the file must have; compared before a byte of it is interpreted.
    Raises WeightsError for a file that is absent, larger than MAX_BYTES, has another checksum, is damaged or has no
    header of a network.
    """
    path = Path(path).expanduser()
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise WeightsError(f"cannot read weights {path} (looked for it from {Path.cwd()}): {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise WeightsError(f"{path} has more than {MAX_BYTES:,} bytes: no weights of 'benchhost train'")
    found = hashlib.sha256(data).hexdigest()
    if sha256 is not None and found != sha256:
        raise WeightsError(f"{path}: expected sha256 {sha256}, found {found} ({len(data)} bytes)")
    try:
        tensors = load(data)
    except SafetensorError as error:
        raise WeightsError(f"{path} is damaged or no safetensors file: {error}") from error
    header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    network = header.get("__metadata__", {}).get("network")
    if network is None:
        raise WeightsError(f"{path}: expected the facts of a network in the file's header, found none")
    return Trained(path=path, sha256=found, tensors=tensors, network=json.loads(network))


def load_into(network: nn.Module, trained: Trained) -> nn.Module:
    """Put the weights into ``network``, cast to the precision of its own tensors; returns it.

    Raises WeightsError naming the first tensor that is missing, unknown, of another shape or not finite.
    """
    if wrong := misfit({name: tuple(t.shape) for name, t in network.state_dict().items()}, trained.tensors):
        raise WeightsError(f"{trained.path}: {wrong}")
    for name, tensor in trained.tensors.items():
        if not bool(tensor.isfinite().all()):
            raise WeightsError(f"{trained.path}: '{name}' holds values that are not finite")
    network.load_state_dict(trained.tensors)
    return network


def unet(trained: Trained) -> UNet:
    """The U-Net that a file's header describes, with its weights; float32, on the CPU.

    Raises WeightsError where the header describes another network.
    """
    described = shape_of(trained, trained.network.get("shape"), UNetShape, architecture="benchhost.nets:UNet")
    return load_into(UNet(described), trained)


def shape_of(trained: Trained, described: Any, cls: type[S], *, architecture: str | Sequence[str]) -> S:
    """The shape of a network, an instance of the dataclass ``cls``, from its description in a file's header.

    architecture: the name of the network's class, or those that will do.

    Raises WeightsError where the file is of another architecture, or describes other fields than ``cls`` has.
    """
    known = [architecture] if isinstance(architecture, str) else architecture
    if (kind := trained.network.get("architecture")) not in known:
        raise WeightsError(f"{trained.path}: expected weights of {' or '.join(known)}, found {kind}")
    names = {f.name for f in fields(cls)}
    if not isinstance(described, dict) or set(described) != names:
        raise WeightsError(f"{trained.path}: expected a shape with {sorted(names)}, found {described}")
    try:
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in described.items()})
    except (TypeError, ValueError) as error:
        raise WeightsError(f"{trained.path}: no network has the shape that the file describes: {error}") from error


def misfit(expected: Mapping[str, tuple[int, ...]], found: Mapping[str, Tensor]) -> str:
    """The first tensor by which a file does not fit a network, in words; "" where it fits.

    expected: the network's names and shapes.  found: the file's tensors.
    """
    for name, shape in expected.items():
        if name not in found:
            return f"the network has '{name}' {shape}, the file does not"
        if tuple(found[name].shape) != shape:
            return f"'{name}' is {tuple(found[name].shape)} in the file, the network has {shape}"
    for name in found:
        if name not in expected:
            return f"the file has '{name}', the network does not"
    return ""
