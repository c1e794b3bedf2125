"""Layers of progressive growing that keep signals and learning speeds alike (Karras 2018, arXiv:1710.10196, section 4).

Equalised learning rate, pixel norm, and the deviation of a minibatch as one more map.
"""

from __future__ import annotations

import math
from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd
from torch.nn.utils import parametrize

Network = TypeVar("Network", bound=nn.Module)
EPSILON = 1e-8  # the paper's, in pixel norm and under the root of the deviation


class _Scaled(nn.Module):
    def __init__(self, scale: float) -> None:
        super().__init__()
        self.scale = scale

    def forward(self, weight: Tensor) -> Tensor:
        return weight * self.scale


def equalized_(network: Network, gain: float = math.sqrt(2.0)) -> Network:
    """Draw the weights of each convolution and dense layer from N(0, 1), and scale them by He's constant when used.

    The scale is gain / √fan-in (He 2015, arXiv:1502.01852; gain √2 suits ReLU-like units, 1 a linear output), so that
    Adam, whose steps do not depend on the gradient's size, learns at one speed in all layers. The fan-in of a
    transposed convolution is that of a map of one pixel, in_channels · kernel². Biases become 0. Layers that are scaled
    already are left as they are. Returns the network.
    """
    for module in list(network.modules()):
        if not isinstance(module, _ConvNd | nn.Linear) or parametrize.is_parametrized(module):
            continue
        nn.init.normal_(module.weight)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
        fan_in = module.weight[:, 0].numel() if isinstance(module, nn.ConvTranspose2d) else module.weight[0].numel()
        parametrize.register_parametrization(module, "weight", _Scaled(gain / math.sqrt(fan_in)))
    return network


class PixelNorm(nn.Module):
    """x / √(mean over maps of x² + 1e-8), at each place of each sample; the moments are taken in float32."""

    def forward(self, features: Tensor) -> Tensor:
        """[N, C, ...] → the same shape and dtype."""
        power = features.float().square().mean(dim=1, keepdim=True)
        return features * torch.rsqrt(power + EPSILON).to(features.dtype)


class MinibatchDeviation(nn.Module):
    """Appends one constant map: the standard deviation over the batch, averaged over all maps and places.

    As in the paper's text: over the whole batch (the authors' code takes groups of 4, and so needs a batch size that
    4 divides), divisor N, 1e-8 under the root. Computed in float32.
    """

    def forward(self, features: Tensor) -> Tensor:
        """[N, C, H, W] → [N, C + 1, H, W]."""
        variance = features.float().var(dim=0, correction=0)  # [C, H, W]
        deviation = torch.sqrt(variance + EPSILON).mean().to(features.dtype)
        num_samples, _, height, width = features.shape
        return torch.cat([features, deviation.expand(num_samples, 1, height, width)], dim=1)
