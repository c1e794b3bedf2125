"""DCGAN's first code: 5 x 5 kernels, four halvings, a dense layer at the smaller end (as PacGAN's stacked MNIST)."""

from itertools import pairwise

import pytest
import torch
from torch import nn

from ganbench.errors import UsageError
from ganbench.models.convnets import conv5_discriminator, conv5_generator
from ganbench.models.options import LATENT
from ganbench.models.pairs import PAIR, networks
from ganbench.types import DataSpec


def parameters(network):
    return sum(parameter.numel() for parameter in network.parameters())


def test_the_layers_at_28_pixels_are_those_of_the_authors_code():
    """2x2x512 → 4x4x256 → 7x7x128 → 14x14x64 → 28x28x3, by hand; no bias before batch norm."""
    generator = conv5_generator(100, 3, 28, 64)
    widths = [512, 256, 128, 64]
    norms = sum(2 * width for width in widths)
    dense, image = 100 * 2 * 2 * 512, 64 * 3 * 25 + 3
    assert parameters(generator) == dense + norms + sum(a * b * 25 for a, b in pairwise(widths)) + image
    discriminator = conv5_discriminator(3, 28, 64)
    maps = [64, 128, 256, 512]
    first, last = 3 * 64 * 25 + 64, 2 * 2 * 512 + 1
    norms = sum(2 * width for width in maps[1:])
    assert parameters(discriminator) == first + norms + sum(a * b * 25 for a, b in pairwise(maps)) + last


@pytest.mark.parametrize("resolution", [28, 32, 48, 64])
def test_sizes_fit_and_gradients_flow(resolution):
    generator, discriminator = conv5_generator(6, 1, resolution, 2), conv5_discriminator(1, resolution, 2)
    images = generator(torch.randn(3, 6))
    assert images.shape == (3, 1, resolution, resolution)
    assert images.abs().max() <= 1
    logits = discriminator(images)
    assert logits.shape == (3,)
    logits.sum().backward()
    assert all(parameter.grad is not None for parameter in generator.parameters())


def test_the_option_chooses_the_kernels():
    spec, options = DataSpec("image", 3, 28), {**PAIR.defaults, **LATENT.defaults, "width": 2}
    for kernel in (4, 5):
        kernels = {
            layer.kernel_size[0]
            for layer in networks(spec, options | {"kernel": kernel})[1].modules()
            if isinstance(layer, nn.Conv2d)
        }
        assert kernel in kernels
    with pytest.raises(UsageError, match="option kernel: expected 4 or 5, got 3"):
        networks(spec, options | {"kernel": 3})
