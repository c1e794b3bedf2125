"""The convolutional pair of DCGAN (Radford 2016, arXiv:1511.06434), with what its descendants vary as arguments.

Kernel 4, stride 2, padding 1 at each doubling or halving; no pooling, no dense layer, no biases; the first and last
layer of the discriminator and the last of the generator have no batch norm.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from torch import nn

from ganbench.models.layers import feature_maps, leaky_relu, relu, upsampling_plan


def conv_generator(
    in_channels: int,
    out_channels: int,
    resolution: int,
    width: int,
    *,
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation: Callable[[], nn.Module] = relu,
) -> nn.Sequential:
    """Latents [N, in_channels] → images [N, out_channels, resolution, resolution] in [-1, 1].

    `width` maps before the last layer, doubling towards the latents up to 8·width. Raises UsageError for a resolution
    that is neither 4·2^k nor 7·2^k.
    """
    base, num_doublings = upsampling_plan(resolution)
    maps = feature_maps(width, num_doublings)[::-1]
    layers = [
        nn.Unflatten(1, (in_channels, 1, 1)),
        nn.ConvTranspose2d(in_channels, maps[0], base, bias=False),
        norm(maps[0]),
        activation(),
    ]
    for coarse, fine in pairwise(maps):
        layers += [nn.ConvTranspose2d(coarse, fine, 4, 2, 1, bias=False), norm(fine), activation()]
    return nn.Sequential(*layers, nn.ConvTranspose2d(maps[-1], out_channels, 4, 2, 1, bias=False), nn.Tanh())


def conv_discriminator(
    in_channels: int,
    resolution: int,
    width: int,
    *,
    norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    activation: Callable[[], nn.Module] = leaky_relu,
    dropout: float = 0.0,
) -> nn.Sequential:
    """Images [N, in_channels, resolution, resolution] → logits [N].

    The mirror of `conv_generator`; `dropout` drops single units after each activation.
    """
    base, num_halvings = upsampling_plan(resolution)
    maps = feature_maps(width, num_halvings)

    def activated(*layers: nn.Module) -> list[nn.Module]:
        return [*layers, activation(), nn.Dropout(dropout)] if dropout else [*layers, activation()]

    layers = activated(nn.Conv2d(in_channels, maps[0], 4, 2, 1, bias=False))
    for fine, coarse in pairwise(maps):
        layers += activated(nn.Conv2d(fine, coarse, 4, 2, 1, bias=False), norm(coarse))
    return nn.Sequential(*layers, nn.Conv2d(maps[-1], 1, base, bias=False), nn.Flatten(0))
