"""DCGAN with SELU: the small DCGAN of a report that trained it on 20,000 MNIST digits and saw it collapse.

Papers: DCGAN (Radford 2016, https://arxiv.org/abs/1511.06434), SELU (Klambauer 2017, https://arxiv.org/abs/1706.02515).
The report's networks, at 28 px with one channel and width 64:

- generator: z ∈ R^100 → dense 6272, seen as 7x7x128 → BN → ConvT 5x5/2, 64 maps, SELU → BN → ConvT 5x5/2, tanh;
  840,705 parameters as Keras counts them, 384 of which are batch norm's running statistics;
- discriminator: conv 5x5/2, 64 maps → conv 5x5/2, 128 maps → dense, LeakyReLU and dropout after each convolution;
  212,865 parameters.

Every layer has a bias, as the counts tell. Other sizes: the smallest map is 4x4, or 7x7 for 28 px and its doubles; the
maps double with each halving, up to 8·width.

On what the report is silent, the textbook whose networks these are decides (Géron 2019, "Hands-on machine learning",
2nd edition, chapter 17): SELU stands before batch norm, and not after the dense layer; dropout 0.4, slope 0.2; Glorot's
initialisation; RMSprop at 1e-3 with ρ 0.9; latents are normal. Deliberate differences: batch norm's ε is 1e-5, Keras'
1e-3, and RMSprop's 1e-8, Keras' 1e-7; the discriminator's fakes serve for the generator's step too, and are made with
the batch's statistics.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import (
    BALANCE,
    ITERATION,
    LATENT,
    NETWORKS,
    TARGETS,
    NonSaturating,
    Style,
    alternate,
    count,
    discriminator_style,
    feature_maps,
    generator_style,
    plain_fakes,
    targets_of,
    upsampling_plan,
)
from ganbench.models.keras_layers import glorot_init_, same_conv, same_conv_transpose
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.models.rmsprop import RMSPROP, gan_with_rmsprops
from ganbench.types import Options

OPTIONS = (NETWORKS | RMSPROP | LATENT | TARGETS | ITERATION | BALANCE).but(
    activation_generator="selu", norm_discriminator="none", batch_norm_momentum=0.01, dropout=0.4
)


def make_generator(spec: DataSpec, latent_dim: int, width: int, style: Style) -> nn.Sequential:
    """Latents [N, latent_dim] → images [N, C, R, R] in [-1, 1]."""
    base, num_doublings = upsampling_plan(spec.resolution)
    maps = feature_maps(width, num_doublings)[::-1]
    layers = [nn.Linear(latent_dim, maps[0] * base**2), nn.Unflatten(1, (maps[0], base, base))]
    for coarse, fine in pairwise(maps):
        layers += [*_norm(style, coarse), same_conv_transpose(coarse, fine, 5), style.activation()]
    layers += [*_norm(style, maps[-1]), same_conv_transpose(maps[-1], spec.channels, 5), *style.output()]
    return glorot_init_(nn.Sequential(*layers))


def make_discriminator(spec: DataSpec, width: int, style: Style) -> nn.Sequential:
    """Images [N, C, R, R] in [-1, 1] → logits [N]."""
    base, num_halvings = upsampling_plan(spec.resolution)
    maps = feature_maps(width, num_halvings)
    layers = [*style.input(), *style.activated(same_conv(spec.channels, maps[0], 5))]
    for fine, coarse in pairwise(maps):
        layers += style.normed(same_conv(fine, coarse, 5), coarse)
    layers += [nn.Flatten(), nn.Linear(maps[-1] * base**2, 1), nn.Flatten(0)]
    return style.finished(glorot_init_(nn.Sequential(*layers)))


def _norm(style: Style, maps: int) -> list[nn.Module]:
    return [style.norm(maps)] if style.norm else []


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="dcgan-selu",
        title="DCGAN with SELU",
        paper="https://arxiv.org/abs/1511.06434",
        description="A small DCGAN with 5x5 filters, SELU in the generator and dropout in the discriminator.",
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their RMSprops. Raises UsageError for values that are not offered."""
    width, style = count(options, "width"), discriminator_style(options)
    generator = make_generator(spec, count(options, "latent_dim"), width, generator_style(options))
    return gan_with_rmsprops(generator, make_discriminator(spec, width, style), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """One batch of real and one of fake images for the discriminator, then the generator's step."""
    return alternate(
        gan,
        batches,
        generate=partial(plain_fakes, gan),
        judge=lambda images, labels: gan.discriminator(images),
        objective=NonSaturating(targets_of(gan.options)),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents."""
    images: Tensor = gan.generator(latents)
    return images.float()
