"""Generator and discriminator of DCGAN and of the variants that differ from it in the game alone."""

from __future__ import annotations

from torch import nn

from ganbench.models.convnets import conv_discriminator, conv_generator
from ganbench.models.mlps import PERCEPTRONS, perceptrons
from ganbench.models.options import count
from ganbench.models.style import discriminator_style, generator_style
from ganbench.types import DataSpec, Options


def networks(spec: DataSpec, options: Options, packing: int = 1) -> tuple[nn.Sequential, nn.Sequential]:
    """DCGAN's pair for images, PacGAN's dense pair for points, from the groups NETWORKS and LATENT.

    Both end without a sigmoid. The discriminator takes `packing` samples beside each other along the channels or
    coordinates: images [N, packing · C, H, W], points [N, packing · D]. On points the sizes are PacGAN's, unless the
    variant offers the group PERCEPTRONS.

    Raises UsageError for a value that is not offered, or a resolution that DCGAN cannot make.
    """
    if spec.kind == "points":
        return perceptrons(spec, {**PERCEPTRONS.defaults, **options}, packing=packing)
    width, latent_dim, style = count(options, "width"), count(options, "latent_dim"), discriminator_style(options)
    generator = conv_generator(latent_dim, spec.channels, spec.resolution, width, generator_style(options))
    judging = conv_discriminator(packing * spec.channels, spec.resolution, width, style)
    return generator, nn.Sequential(*style.input(), *judging)
