"""The convolutional pair of DCGAN (Radford 2016, arXiv:1511.06434), with what its descendants vary as a `Style`.

Kernel 4, stride 2, padding 1 at each doubling or halving; no pooling, no dense layer; the first and last layer of the
discriminator and the last of the generator have no batch norm. No biases, but where a layer's normalisation is turned
off by the style.

The pair with 5 x 5 kernels is that of the paper's first code and of its port carpedm20/DCGAN-tensorflow, on which
PacGAN's stacked MNIST rests (Lin 2018, arXiv:1712.04086): always four doublings, from a dense layer to a sixteenth of
the side, rounded up (28 px: 2, 4, 7, 14, 28), with TensorFlow's "same" padding; a dense layer ends the discriminator.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench.models.init import normal_init_
from ganbench.models.keras_layers import same_conv, same_conv_transpose
from ganbench.models.layers import feature_maps, halved_sizes, label_maps, leaky_relu, upsampling_plan
from ganbench.models.style import Style

RELU, LEAKY = Style(), Style(activation=leaky_relu)


def conv_generator(
    in_channels: int, out_channels: int, resolution: int, width: int, style: Style = RELU
) -> nn.Sequential:
    """Latents [N, in_channels] → images [N, out_channels, resolution, resolution] in [-1, 1].

    `width` maps before the last layer, doubling towards the latents up to 8·width. Raises UsageError for a resolution
    that is neither 4·2^k nor 7·2^k.
    """
    base, num_doublings = upsampling_plan(resolution)
    maps = feature_maps(width, num_doublings)[::-1]
    biased = style.norm is None
    layers: list[nn.Module] = [
        nn.Unflatten(1, (in_channels, 1, 1)),
        *style.normed(nn.ConvTranspose2d(in_channels, maps[0], base, bias=biased), maps[0]),
    ]
    for coarse, fine in pairwise(maps):
        layers += style.normed(nn.ConvTranspose2d(coarse, fine, 4, 2, 1, bias=biased), fine)
    layers += [nn.ConvTranspose2d(maps[-1], out_channels, 4, 2, 1, bias=False), *style.output()]
    return normal_init_(nn.Sequential(*layers))


def conv_discriminator(in_channels: int, resolution: int, width: int, style: Style = LEAKY) -> nn.Sequential:
    """Images [N, in_channels, resolution, resolution] → logits [N]; the mirror of `conv_generator`.

    The input is taken as it is: put `style.input()` before it.
    """
    base, num_halvings = upsampling_plan(resolution)
    maps = feature_maps(width, num_halvings)
    layers = style.activated(nn.Conv2d(in_channels, maps[0], 4, 2, 1, bias=False))
    for fine, coarse in pairwise(maps):
        layers += style.normed(nn.Conv2d(fine, coarse, 4, 2, 1, bias=style.norm is None), coarse)
    layers += [nn.Conv2d(maps[-1], 1, base, bias=False), nn.Flatten(0)]
    return style.finished(normal_init_(nn.Sequential(*layers)))


def conv5_generator(
    in_channels: int, out_channels: int, resolution: int, width: int, style: Style = RELU
) -> nn.Sequential:
    """Latents [N, in_channels] → images [N, out_channels, resolution, resolution] in [-1, 1], any resolution."""
    base, *sizes = _four_halvings(resolution)
    maps = feature_maps(width, len(sizes))[::-1]
    biased = style.norm is None
    layers: list[nn.Module] = [nn.Linear(in_channels, maps[0] * base**2, bias=biased)]
    layers += style.normed(nn.Unflatten(1, (maps[0], base, base)), maps[0])
    for (coarse, fine), size in zip(pairwise(maps), sizes, strict=False):
        layers += style.normed(same_conv_transpose(coarse, fine, 5, odd=size % 2 == 1, bias=biased), fine)
    image = same_conv_transpose(maps[-1], out_channels, 5, odd=resolution % 2 == 1)
    return normal_init_(nn.Sequential(*layers, image, *style.output()))


def conv5_discriminator(in_channels: int, resolution: int, width: int, style: Style = LEAKY) -> nn.Sequential:
    """Images [N, in_channels, resolution, resolution] → logits [N]; put `style.input()` before it."""
    base, *sizes = _four_halvings(resolution)
    maps = feature_maps(width, len(sizes))
    layers = style.activated(same_conv(in_channels, maps[0], 5))
    for fine, coarse in pairwise(maps):
        layers += style.normed(same_conv(fine, coarse, 5, bias=style.norm is None), coarse)
    layers += [nn.Flatten(), nn.Linear(maps[-1] * base**2, 1), nn.Flatten(0)]
    return style.finished(normal_init_(nn.Sequential(*layers)))


def _four_halvings(resolution: int) -> list[int]:
    """Sizes from the smallest up: 28 → [2, 4, 7, 14, 28]."""
    return halved_sizes(resolution, smallest=-(-resolution // 16))


class LabelledGenerator(nn.Module):
    """A network on the latent with the one-hot label appended (Mirza 2014, arXiv:1411.1784)."""

    def __init__(self, layers: nn.Module, num_classes: int) -> None:
        super().__init__()
        self.layers, self.num_classes = layers, num_classes

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Latents [N, latent_dim], labels [N] → samples; `layers` gets [N, latent_dim + num_classes]."""
        samples: Tensor = self.layers(torch.cat([latents, F.one_hot(labels, self.num_classes)], dim=1))
        return samples


class LabelledDiscriminator(nn.Module):
    """A network on the image with one constant map for each class (Mirza 2014, arXiv:1411.1784)."""

    def __init__(self, layers: nn.Module, num_classes: int, style: Style) -> None:
        super().__init__()
        self.rescale = nn.Sequential(*style.input())
        self.layers, self.num_classes = layers, num_classes

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Images [N, C, H, W], labels [N] → logits [N]; `layers` gets [N, C + num_classes, H, W]."""
        maps = label_maps(labels, self.num_classes, images.shape[-1])
        logits: Tensor = self.layers(torch.cat([self.rescale(images), maps], dim=1))
        return logits
