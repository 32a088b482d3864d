"""The recurrent cells: what they see goes in with a state, a step in eta and the next state come out."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

State = tuple[Tensor, ...]
MULTIPLE = 4  # of the sides that the strided cell works on


class ConvGru(nn.Module):
    """A gated recurrent unit of convolutions; the three gates are one convolution of the input and one of the state.

    As in cuDNN the reset gate acts on the candidate's share of the state after its convolution.
    """

    def __init__(self, inputs: int, hidden: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.hidden = hidden
        self.of_input = nn.Conv2d(inputs, 3 * hidden, kernel, stride=stride, padding=kernel // 2)
        self.of_state = nn.Conv2d(hidden, 3 * hidden, 1)

    def forward(self, x: Tensor, state: Tensor) -> Tensor:
        """(B, inputs, H, W), (B, hidden, h, w) -> the next state, of the same shape."""
        a, b, n = self.of_input(x), self.of_state(state), self.hidden
        state = state.to(a.dtype)  # under autocast the first one is float32
        gates = torch.sigmoid(a[:, : 2 * n] + b[:, : 2 * n])
        update, reset = gates[:, :n], gates[:, n:]
        candidate = torch.tanh(a[:, 2 * n :] + reset * b[:, 2 * n :])
        return torch.lerp(candidate, state, update)


class StridedCell(nn.Module):
    """The cell for natural images: its state lives at half and at a quarter of the resolution.

    The paper's has one GRU of 256 at half resolution.  The second, coarser one lets a step reach further, which
    compressed sensing at low ratios, super-resolution and projections need.
    """

    def __init__(self, inputs: int, width: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.enter = nn.Conv2d(inputs, width, 3, stride=2, padding=1)
        self.fine = ConvGru(width, hidden, 3)
        self.coarse = ConvGru(hidden, hidden, 3, stride=2)
        self.rise = nn.ConvTranspose2d(hidden, width, 4, stride=2, padding=1)
        self.leave = nn.ConvTranspose2d(hidden + width, 3 * width // 4, 4, stride=2, padding=1)
        self.out = nn.Conv2d(3 * width // 4 + inputs, 1, 3, padding=1)

    def begin(self, seen: Tensor) -> State:
        """The state before the first step: zeros."""
        height, width = (n + -n % MULTIPLE for n in seen.shape[2:])
        return tuple(_zeros(seen, self.hidden, height // k, width // k) for k in (2, 4))

    def forward(self, seen: Tensor, state: State) -> tuple[Tensor, State]:
        """(B, inputs, H, W) -> a step (B, 1, H, W) and the next state."""
        height, width = seen.shape[2:]
        if height % MULTIPLE or width % MULTIPLE:
            seen = F.pad(seen, (0, -width % MULTIPLE, 0, -height % MULTIPLE), mode="replicate")
        fine = self.fine(F.relu(self.enter(seen)), state[0])
        coarse = self.coarse(fine, state[1])
        risen = F.relu(self.rise(coarse))
        left = F.relu(self.leave(torch.cat([fine, risen], 1)))
        step = self.out(torch.cat([left, seen.to(left.dtype)], 1))
        return step[..., :height, :width], (fine, coarse)


class MriCell(nn.Module):
    """The cell of Lonning et al. for complex images: two GRUs at full resolution, 94,464 weights at width 64."""

    def __init__(self, inputs: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.enter = nn.Conv2d(inputs, width, 5, padding=2)
        self.first = ConvGru(width, width, 1)
        self.middle = nn.Conv2d(width, width, 3, padding=2, dilation=2)
        self.second = ConvGru(width, width, 1)
        self.out = nn.Conv2d(width, 2, 3, padding=1, bias=False)

    def begin(self, seen: Tensor) -> State:
        """The state before the first step: zeros."""
        return tuple(_zeros(seen, self.width, *seen.shape[2:]) for _ in range(2))

    def forward(self, seen: Tensor, state: State) -> tuple[Tensor, State]:
        """(B, inputs, H, W) -> a step (B, 2, H, W) and the next state."""
        first = self.first(F.relu(self.enter(seen)), state[0])
        second = self.second(F.relu(self.middle(first)), state[1])
        return self.out(second), (first, second)


def _zeros(like: Tensor, channels: int, height: int, width: int) -> Tensor:
    shape = (len(like), channels, height, width)
    return torch.zeros(shape, dtype=like.dtype, device=like.device).contiguous(memory_format=torch.channels_last)
