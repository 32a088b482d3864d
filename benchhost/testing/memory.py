"""Memory of a training step on the CPU: bytes that live at its peak, and bytes saved for the backward pass."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class PeakLive(TorchDispatchMode):
    """Counts the bytes of tensors that operations make, while they live; ``peak`` is the most there were at once.

    Wrap forward and backward.  Tensors made before count nothing.  Work inside an operator (a convolution's own
    buffers, scipy's arrays) is not seen; views share the storage they look at.
    """

    def __init__(self) -> None:
        super().__init__()
        self.live = self.peak = 0
        self._seen: dict[int, int] = {}
        self._before: set[int] = set()

    def before(self, tensors: Iterable[Tensor]) -> PeakLive:
        """Leave out the storages of ``tensors``: in-place writes to them would otherwise count them."""
        self._before |= {t.untyped_storage()._cdata for t in tensors}
        return self

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and leaf.layout == torch.strided:
                self._take(leaf)
        return result

    def _take(self, tensor: Tensor) -> None:
        storage = tensor.untyped_storage()
        key = storage._cdata
        if key in self._seen or key in self._before:
            return
        self._seen[key] = storage.nbytes()
        self.live += storage.nbytes()
        self.peak = max(self.peak, self.live)
        weakref.finalize(storage, self._drop, key)

    def _drop(self, key: int) -> None:
        self.live -= self._seen.pop(key)


class Saved:
    """``bytes``: what the forward pass saved for the backward pass, each storage once, parameters left out."""

    def __init__(self) -> None:
        self.bytes = 0


@contextlib.contextmanager
def saved_bytes(leave_out: Iterable[Tensor] = ()) -> Iterator[Saved]:
    """Count what autograd saves inside the block; wrap the forward pass alone.

    leave_out: tensors that are there anyway (parameters, inputs, the operator's matrices).  What a Function keeps as
    an attribute of its context, and what ``checkpoint`` keeps, is not seen: see the peak as well.
    """
    saved, seen = Saved(), {t.untyped_storage()._cdata for t in leave_out}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in seen:
            seen.add(storage._cdata)
            saved.bytes += storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        yield saved
