"""Generator and discriminator of DCGAN and of the variants that differ from it in the game alone."""

from __future__ import annotations

from collections.abc import Callable

from torch import nn

from ganbench.errors import UsageError
from ganbench.models.convnets import conv5_discriminator, conv5_generator, conv_discriminator, conv_generator
from ganbench.models.mlps import PERCEPTRONS, perceptrons
from ganbench.models.options import NETWORKS, count, option
from ganbench.models.style import discriminator_style, generator_style
from ganbench.types import DataSpec, Options

PAIR = NETWORKS | option("kernel", 4, "side of the kernels: 4, or 5 with the layers of DCGAN's first code and PacGAN's")


def networks(spec: DataSpec, options: Options, packing: int = 1) -> tuple[nn.Sequential, nn.Sequential]:
    """DCGAN's pair for images, PacGAN's dense pair for points, from the groups PAIR and LATENT.

    Both end without a sigmoid. The discriminator takes `packing` samples beside each other along the channels or
    coordinates: images [N, packing · C, H, W], points [N, packing · D]. On points the sizes are PacGAN's, unless the
    variant offers the group PERCEPTRONS.

    Raises UsageError for a value that is not offered, or a resolution that DCGAN cannot make.
    """
    if spec.kind == "points":
        return perceptrons(spec, {**PERCEPTRONS.defaults, **options}, packing=packing)
    width, latent_dim, style = count(options, "width"), count(options, "latent_dim"), discriminator_style(options)
    make_generator, make_discriminator = _makers(options)
    generator = make_generator(latent_dim, spec.channels, spec.resolution, width, generator_style(options))
    judging = make_discriminator(packing * spec.channels, spec.resolution, width, style)
    return generator, nn.Sequential(*style.input(), *judging)


def _makers(options: Options) -> tuple[Callable[..., nn.Sequential], Callable[..., nn.Sequential]]:
    """Of the generator and of the discriminator with the kernels that were asked for; 4 without the option."""
    kernel = int(options.get("kernel", 4))
    if kernel not in (4, 5):
        raise UsageError(f"option kernel: expected 4 or 5, got {kernel}.")
    return (conv_generator, conv_discriminator) if kernel == 4 else (conv5_generator, conv5_discriminator)
