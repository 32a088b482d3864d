"""LPIPS: distances between normalised features of a classification network, weighted by learned heads.

Zhang, Isola, Efros, Shechtman and Wang, "The unreasonable effectiveness of deep features as a perceptual metric",
CVPR 2018, eq. 1.  Features are those of AlexNet (Krizhevsky 2014, "One weird trick") or VGG-16 without its classifier.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


@dataclass(frozen=True, kw_only=True)
class Convolution:
    """A convolution followed by ReLU; ``index`` is its place in the network's list of layers, and in its weights."""

    index: int
    shape: tuple[int, int, int, int]
    stride: int = 1
    padding: int = 1


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Max-pooling (window, stride), if any, then convolutions; the last one's output is compared."""

    convolutions: tuple[Convolution, ...]
    pool: tuple[int, int] | None = None

    @property
    def channels(self) -> int:
        """Channels of what is compared."""
        return self.convolutions[-1].shape[0]


def _vgg_stage(first: int, given: int, channels: int, count: int, *, pool: tuple[int, int] | None) -> Stage:
    sources = (given, *[channels] * (count - 1))
    convolutions = (Convolution(index=first + 2 * n, shape=(channels, c, 3, 3)) for n, c in enumerate(sources))
    return Stage(convolutions=tuple(convolutions), pool=pool)


NETS: Mapping[str, tuple[Stage, ...]] = {
    "alex": (
        Stage(convolutions=(Convolution(index=0, shape=(64, 3, 11, 11), stride=4, padding=2),)),
        Stage(convolutions=(Convolution(index=3, shape=(192, 64, 5, 5), padding=2),), pool=(3, 2)),
        Stage(convolutions=(Convolution(index=6, shape=(384, 192, 3, 3)),), pool=(3, 2)),
        Stage(convolutions=(Convolution(index=8, shape=(256, 384, 3, 3)),)),
        Stage(convolutions=(Convolution(index=10, shape=(256, 256, 3, 3)),)),
    ),
    "vgg": (
        _vgg_stage(0, 3, 64, 2, pool=None),
        _vgg_stage(5, 64, 128, 2, pool=(2, 2)),
        _vgg_stage(10, 128, 256, 3, pool=(2, 2)),
        _vgg_stage(17, 256, 512, 3, pool=(2, 2)),
        _vgg_stage(24, 512, 512, 3, pool=(2, 2)),
    ),
}

SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
"""ImageNet's mean and deviation for images in [-1, 1], as version 0.1 of the reference implementation rounds them."""

EPSILON = 1e-10


def backbone_shapes(net: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the backbone's tensors, as torchvision names them: ``features.0.weight``."""
    shapes: dict[str, tuple[int, ...]] = {}
    for convolution in (c for stage in NETS[net] for c in stage.convolutions):
        shapes[f"features.{convolution.index}.weight"] = convolution.shape
        shapes[f"features.{convolution.index}.bias"] = convolution.shape[:1]
    return shapes


def head_shapes(net: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the heads' tensors, as the reference implementation names them: ``lin0.model.1.weight``."""
    return {f"lin{n}.model.1.weight": (1, stage.channels, 1, 1) for n, stage in enumerate(NETS[net])}


def features(net: str, weights: Mapping[str, Tensor], image: Tensor) -> list[Tensor]:
    """Activations that are compared: (B, 3, H, W) in [-1, 1] -> one (B, C_l, H_l, W_l) per stage."""
    x = (image - image.new_tensor(SHIFT).view(1, 3, 1, 1)) / image.new_tensor(SCALE).view(1, 3, 1, 1)
    taken = []
    for stage in NETS[net]:
        if stage.pool is not None:
            x = F.max_pool2d(x, *stage.pool)
        for c in stage.convolutions:
            weight, bias = weights[f"features.{c.index}.weight"], weights[f"features.{c.index}.bias"]
            x = F.relu(F.conv2d(x, weight, bias, stride=c.stride, padding=c.padding))
        taken.append(x)
    return taken


def distance(net: str, weights: Mapping[str, Tensor], estimate: Tensor, truth: Tensor) -> Tensor:
    """LPIPS of each pair of a batch: (B, 3, H, W), (B, 3, H, W) in [-1, 1] -> (B,), >= 0 for heads that are >= 0."""
    total = estimate.new_zeros(len(estimate))
    pairs = zip(features(net, weights, estimate), features(net, weights, truth), strict=True)
    for n, (a, b) in enumerate(pairs):
        difference = (_unit(a) - _unit(b)).square()
        total = total + F.conv2d(difference, weights[f"lin{n}.model.1.weight"]).mean((1, 2, 3))
    return total


def _unit(x: Tensor) -> Tensor:
    """Every pixel's feature vector divided by its length."""
    return x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + EPSILON)
