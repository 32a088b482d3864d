"""NSR's convolution: k groups of kernels, mixed for each image by gates on the pooled features of the layer's input.

Fan et al., "Neural Sparse Representation for Image Restoration", NeurIPS 2020.  The kernels of a layer are laid out as
(k, d, C_out / d): groups are the slowest index, the d parts of the output channels have gates of their own.
"""

from __future__ import annotations

import math
from typing import Literal, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Gate = Literal["softmax", "sigmoid"]
Way = Literal["grouped", "matmul", "dense"]
MOST_DENSE = 8  # groups up to which convolving with all of them moves less memory than unfolding 3 x 3 neighbourhoods


class Layer(NamedTuple):
    """One layer's tensors: weight (k C_out, C_in, s, s), bias (k C_out,), gates' weight (k d, C_in) and bias (k d,)."""

    weight: Tensor
    bias: Tensor
    gate_weight: Tensor | None
    gate_bias: Tensor | None


class Kernels(nn.Module):
    """The kernels of ``count`` layers of one shape, with weight normalisation g v / |v| for each of the k C_out.

    All layers lie in one tensor: they are normalised, averaged and optimised in a few large operations.
    A softmax over one group is 1 whatever its input, so there is no gate then; a sigmoid's is built.

    gain: g at first.
    """

    def __init__(
        self,
        count: int,
        inputs: int,
        outputs: int,
        *,
        groups: int = 1,
        cardinality: int = 1,
        gate: Gate = "softmax",
        gain: float = 1.0,
        side: int = 3,
    ) -> None:
        super().__init__()
        if outputs % cardinality:
            raise ValueError(f"cardinality {cardinality} does not divide {outputs} channels")
        self.groups, self.cardinality, self.gate = groups, cardinality, gate
        self.inputs, self.outputs, self.side = inputs, outputs, side
        # Its length does not matter to the result, but an optimiser's steps have a fixed size: short vectors turn fast.
        reach = 1 / math.sqrt(inputs * side**2)
        self.direction = nn.Parameter(torch.empty(count, groups * outputs, inputs, side, side).uniform_(-reach, reach))
        self.gain = nn.Parameter(torch.full((count, groups * outputs), gain))
        self.bias = nn.Parameter(torch.zeros(count, groups * outputs))
        self.gated = groups > 1 or gate == "sigmoid"
        if self.gated:
            bound = 1 / math.sqrt(inputs)
            self.gate_weight = nn.Parameter(torch.empty(count, groups * cardinality, inputs).uniform_(-bound, bound))
            self.gate_bias = nn.Parameter(torch.empty(count, groups * cardinality).uniform_(-bound, bound))

    def layers(self, dtype: torch.dtype = torch.float32) -> list[Layer]:
        """Every layer's tensors, normalised in float32, weights and biases then converted to ``dtype`` all at once.

        The weights' memory runs over C_in fastest (channels last).
        """
        norm = torch.linalg.vector_norm(self.direction, dim=(2, 3, 4), keepdim=True)
        weight = ((self.gain[:, :, None, None, None] / norm) * self.direction).to(dtype)
        weight = weight.permute(0, 1, 3, 4, 2).contiguous().permute(0, 1, 4, 2, 3)
        gates = [(None, None)] * len(weight)
        if self.gated:
            gates = list(zip(self.gate_weight.unbind(), self.gate_bias.unbind(), strict=True))
        biases = self.bias.to(dtype).unbind()
        return [Layer(w, b, *gate) for w, b, gate in zip(weight.unbind(), biases, gates, strict=True)]

    def gates(self, h: Tensor, layer: Layer) -> Tensor:
        """gamma: (B, C_in, H, W) -> (B, k, d) float32; a softmax sums to 1 over k."""
        pooled = h.mean((2, 3), dtype=torch.float32)
        logits = F.linear(pooled, layer.gate_weight, layer.gate_bias).view(len(h), self.groups, self.cardinality)
        return logits.softmax(1) if self.gate == "softmax" else logits.sigmoid()

    def convolve(self, h: Tensor, layer: Layer, way: Way) -> Tensor:
        """(B, C_in, H, W) -> (B, C_out, H, W), zero padding, in the precision of ``h``.

        The ways give the same: "grouped" mixes the kernels, then convolves all images in one grouped convolution, as
        the authors do; "matmul" mixes the kernels, then multiplies them with the unfolded images; "dense" convolves
        with the kernels of all groups and mixes the results: k times the arithmetic, but of a kind that GPUs do fast.
        """
        if not self.gated:
            return F.conv2d(h, layer.weight.to(h.dtype), layer.bias.to(h.dtype), padding=self.side // 2)
        gamma = self.gates(h, layer)
        return {"grouped": self._grouped, "matmul": self._matmul, "dense": self._dense}[way](h, layer, gamma)

    def mixed(self, layer: Layer, gamma: Tensor) -> tuple[Tensor, Tensor]:
        """sum_k gamma W: kernels (B, C_out, C_in, s, s) and biases (B, C_out), float32."""
        k, d = self.groups, self.cardinality
        weight = layer.weight.float().reshape(k, d, -1).transpose(0, 1)  # (d, k, C_out / d * C_in * s * s)
        bias = layer.bias.float().view(k, d, -1).transpose(0, 1)
        share = gamma.permute(2, 0, 1)  # (d, B, k)
        kernels = (share @ weight).transpose(0, 1).reshape(-1, self.outputs, self.inputs, self.side, self.side)
        return kernels, (share @ bias).transpose(0, 1).reshape(-1, self.outputs)

    def _grouped(self, h: Tensor, layer: Layer, gamma: Tensor) -> Tensor:
        batch, _, height, width = h.shape
        kernels, bias = (t.flatten(0, 1).to(h.dtype) for t in self.mixed(layer, gamma))
        if batch == 1:  # reshaped, it would no longer count as channels last
            return F.conv2d(h, kernels, bias, padding=self.side // 2)
        joined = h.reshape(1, -1, height, width)
        out = F.conv2d(joined, kernels, bias, padding=self.side // 2, groups=batch)
        return out.view(batch, self.outputs, height, width)

    def _matmul(self, h: Tensor, layer: Layer, gamma: Tensor) -> Tensor:
        batch, _, height, width = h.shape
        kernels, bias = (t.to(h.dtype) for t in self.mixed(layer, gamma))
        padded = F.pad(h, (self.side // 2,) * 4)
        near = padded.unfold(2, self.side, 1).unfold(3, self.side, 1).permute(0, 1, 4, 5, 2, 3)
        columns = near.reshape(batch, -1, height * width)
        return torch.baddbmm(bias[:, :, None], kernels.flatten(2), columns).view(batch, -1, height, width)

    def _dense(self, h: Tensor, layer: Layer, gamma: Tensor) -> Tensor:
        batch, _, height, width = h.shape
        every = F.conv2d(h, layer.weight.to(h.dtype), layer.bias.to(h.dtype), padding=self.side // 2)
        every = every.permute(0, 2, 3, 1).reshape(batch, height * width, -1)  # (B, H W, k C_out): channels last
        share = gamma.repeat_interleave(self.outputs // self.cardinality, 2)  # (B, k, C_out)
        mixing = torch.diag_embed(share.to(h.dtype)).flatten(1, 2)  # (B, k C_out, C_out)
        return (every @ mixing).view(batch, height, width, -1).permute(0, 3, 1, 2)


def fastest(device: str, batch: int, groups: int) -> Way:
    """The way of convolving that suits a device: one image needs no groups, and GPUs are slow at many small ones."""
    if device != "cuda" or batch == 1:
        return "grouped"
    return "dense" if groups <= MOST_DENSE else "matmul"
