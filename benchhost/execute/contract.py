"""What a reconstruction owes its caller, checked after every call: shape, values, y and global generators intact."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from benchhost.errors import BenchhostError

if TYPE_CHECKING:
    from torch import Tensor


class ContractBroken(BenchhostError):
    """A method did what its contract forbids; the message begins with ``contract:``."""

    def __init__(self, what: str) -> None:
        super().__init__(f"contract: {what}")


def check_estimate(estimate: Any, batch: int, image_shape: tuple[int, int, int]) -> Tensor:
    """The estimate as float32 on the CPU; ContractBroken unless it is real, finite and (B, C, H, W)."""
    import torch

    expected = (batch, *image_shape)
    if not isinstance(estimate, torch.Tensor):
        raise ContractBroken(f"reconstruct returned {_kind(estimate)}, expected a torch.Tensor of shape {expected}")
    if estimate.is_complex():
        raise ContractBroken(
            f"reconstruct returned {estimate.dtype}, expected real numbers: "
            "the real and imaginary part of a complex image are its two channels"
        )
    if not estimate.is_floating_point():
        raise ContractBroken(f"reconstruct returned {estimate.dtype}, expected floating point")
    if tuple(estimate.shape) != expected:
        raise ContractBroken(f"reconstruct returned shape {tuple(estimate.shape)}, expected {expected}")
    plain = estimate.detach().to("cpu", torch.float32).contiguous()
    bad = int((~torch.isfinite(plain)).sum())
    if bad:
        raise ContractBroken(f"{bad} of {plain.numel()} values of the estimate are NaN or infinite")
    return plain


def tensor_digest(tensor: Tensor) -> str:
    """sha256 of a tensor's bytes."""
    import torch

    return hashlib.sha256(tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()).hexdigest()


@contextmanager
def generators_untouched(device: str) -> Iterator[None]:
    """Raise ContractBroken when the block moves a global generator of torch, numpy or Python."""
    before = _states(device)
    yield
    after = _states(device)
    moved = [name for name in before if before[name] != after[name]]
    if moved:
        raise ContractBroken(
            f"reconstruct used the global random generator of {' and '.join(moved)}: draw from problem.rng"
        )


@contextmanager
def generators_seeded(seed: int, device: str) -> Iterator[None]:
    """Seed the global generators for the block and put them back as they were.

    Building a network draws its first weights from torch's global generator, often only to overwrite them; here that
    is allowed, and repeatable.
    """
    import numpy as np
    import torch

    devices = [torch.device(device)] if device.startswith("cuda") else []
    python, legacy = random.getstate(), np.random.get_state()
    with torch.random.fork_rng(devices=devices):
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(legacy)


def _states(device: str) -> dict[str, Any]:
    import numpy as np
    import torch

    _, words, *rest = np.random.get_state()
    states = {
        "torch": torch.get_rng_state().numpy().tobytes(),
        "numpy": (words.tobytes(), *rest),
        "Python": random.getstate(),
    }
    if device.startswith("cuda"):
        states["torch on the GPU"] = torch.cuda.get_rng_state(device).numpy().tobytes()
    return states


def _kind(value: Any) -> str:
    shape = getattr(value, "shape", None)
    return f"a {type(value).__name__}" + (f" of shape {tuple(shape)}" if shape is not None else "")
