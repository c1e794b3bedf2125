"""Strided layers with odd kernels, as Keras' "same" padding sizes them, and Keras' initialisation.

Where Keras pads an even side by one more at its end, these pad by one more at its beginning, as torch does without a
layer of its own: the networks are mirror images of those of Keras, the sizes and the parameters the same.
"""

from __future__ import annotations

from typing import TypeVar

from torch import nn
from torch.nn.modules.conv import _ConvNd

Network = TypeVar("Network", bound=nn.Module)


def same_conv(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> nn.Conv2d:
    """[N, in_channels, S, S] → [N, out_channels, S/2, S/2], rounded up; an odd `kernel`, stride 2."""
    return nn.Conv2d(in_channels, out_channels, kernel, 2, kernel // 2, bias=bias)


def same_conv_transpose(
    in_channels: int, out_channels: int, kernel: int, *, odd: bool = False, bias: bool = True
) -> nn.ConvTranspose2d:
    """[N, in_channels, S, S] → [N, out_channels, 2S, 2S], or 2S - 1 where `odd`; an odd `kernel`, stride 2."""
    return nn.ConvTranspose2d(in_channels, out_channels, kernel, 2, kernel // 2, 0 if odd else 1, bias=bias)


def glorot_init_(network: Network) -> Network:
    """Draw convolution and dense weights from U(-a, a), a = √(6 / (fan in + fan out)) (Glorot 2010); biases become 0.

    What Keras does unless told otherwise; normalisation layers keep scale 1 and shift 0. Returns the network.
    """
    for module in network.modules():
        if isinstance(module, _ConvNd | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
