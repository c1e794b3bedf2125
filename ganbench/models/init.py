"""Weight initialisation as in DCGAN (Radford 2016, https://arxiv.org/abs/1511.06434, section 3)."""

from __future__ import annotations

from typing import TypeVar

from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.modules.conv import _ConvNd

Network = TypeVar("Network", bound=nn.Module)


def normal_init_(network: Network, std: float = 0.02) -> Network:
    """Draw convolution and dense weights from N(0, std), batch norm scales from N(1, std); biases and shifts become 0.

    The paper names only the weights; the scales follow the authors' code. Initialise before `spectral_norm_`: a
    normalised layer's weight is computed, so setting it would be lost. Returns the network.
    """
    for module in network.modules():
        if isinstance(module, _ConvNd | nn.Linear):
            nn.init.normal_(module.weight, 0.0, std)
        elif isinstance(module, _BatchNorm) and module.affine:
            nn.init.normal_(module.weight, 1.0, std)
        else:
            continue
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    return network
