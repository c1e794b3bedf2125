"""SNGAN: every weight of the discriminator divided by its largest singular value, and the hinge loss.

Paper: Miyato 2018, "Spectral normalization for generative adversarial networks", https://arxiv.org/abs/1802.05957. The
networks are the paper's standard CNN (its table 3), which at 32 px with width 64 is

- generator: z ∈ R^128 ~ N(0, I) → dense 4x4x512 → ConvT 4x4/2 to 256, 128 and 64 maps, BN and ReLU → conv 3x3, tanh;
- discriminator: pairs of conv 3x3/1 and conv 4x4/2 with 64, 128 and 256 maps → conv 3x3/1, 512 maps → dense, LeakyReLU
  of slope 0.1 after each convolution.

Sizes double from 4, from 6 (48 px, as the paper does for STL-10) or from 7 pixels (28 px), the maps with them, up to
8·width. The rates are setting C of the paper's table 1, DCGAN's: Adam at 2e-4, β1 0.5, β2 0.999, one step of the
discriminator for each of the generator. The hinge loss is the paper's eqs. 16-17.

The paper is silent on the following. BN and ReLU follow the generator's dense layer too; weights are from N(0, 0.02);
no bias before batch norm. Points are not in the paper: their networks are PacGAN's dense ones, spectral norm on the
discriminator.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import (
    ADAM,
    BALANCE,
    ITERATION,
    LATENT,
    NETWORKS,
    Style,
    UpsamplingPlan,
    alternate,
    count,
    discriminator_style,
    feature_maps,
    gan_with_adams,
    generator_style,
    normal_init_,
    plain_fakes,
    upsampling_plan,
)
from ganbench.models.hinge import Hinge
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.models.mlps import check_points
from ganbench.models.pairs import networks
from ganbench.types import Options

FROM_SIX = {48: UpsamplingPlan(6, 3), 96: UpsamplingPlan(6, 4)}
RESOLUTIONS = tuple(sorted({*DOUBLED_RESOLUTIONS, *FROM_SIX}))
OPTIONS = (NETWORKS | ADAM | LATENT | ITERATION | BALANCE).but(
    latent_dim=128, norm_discriminator="none", spectral_norm=True
)


def make_generator(spec: DataSpec, latent_dim: int, width: int, style: Style) -> nn.Sequential:
    """Latents [N, latent_dim] → images [N, C, R, R] in [-1, 1]."""
    base, num_doublings = FROM_SIX.get(spec.resolution) or upsampling_plan(spec.resolution)
    maps, biased = feature_maps(width, num_doublings + 1)[::-1], style.norm is None
    layers: list[nn.Module] = [nn.Linear(latent_dim, maps[0] * base**2, bias=biased)]
    layers += style.normed(nn.Unflatten(1, (maps[0], base, base)), maps[0])
    for coarse, fine in pairwise(maps):
        layers += style.normed(nn.ConvTranspose2d(coarse, fine, 4, 2, 1, bias=biased), fine)
    layers += [nn.Conv2d(maps[-1], spec.channels, 3, 1, 1), *style.output()]
    return normal_init_(nn.Sequential(*layers))


def make_discriminator(spec: DataSpec, width: int, style: Style) -> nn.Sequential:
    """Images [N, C, R, R] in [-1, 1] → outputs [N], positive for "real"."""
    base, num_halvings = FROM_SIX.get(spec.resolution) or upsampling_plan(spec.resolution)
    maps, biased = feature_maps(width, num_halvings + 1), style.norm is None
    layers = [*style.input(), *style.activated(nn.Conv2d(spec.channels, maps[0], 3, 1, 1))]
    for fine, coarse in pairwise(maps):
        layers += style.normed(nn.Conv2d(fine, fine, 4, 2, 1, bias=biased), fine)
        layers += style.normed(nn.Conv2d(fine, coarse, 3, 1, 1, bias=biased), coarse)
    layers += [nn.Flatten(), nn.Linear(maps[-1] * base**2, 1), nn.Flatten(0)]
    return style.finished(normal_init_(nn.Sequential(*layers)))


def convolutions(spec: DataSpec, options: Options) -> tuple[nn.Module, nn.Module]:
    """Generator and discriminator for images."""
    width, style = count(options, "width"), discriminator_style(options)
    if options["activation_discriminator"] == "leaky_relu":
        style = replace(style, activation=partial(nn.LeakyReLU, 0.1, inplace=True))
    generator = make_generator(spec, count(options, "latent_dim"), width, generator_style(options))
    return generator, make_discriminator(spec, width, style)


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="sngan",
        title="SNGAN",
        paper="https://arxiv.org/abs/1802.05957",
        description="Spectral norm on every layer of the discriminator; hinge loss.",
        data_kinds=("image", "points"),
        resolutions=RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams. Raises UsageError for values that are not offered."""
    check_points(spec, options, OPTIONS.defaults)
    generator, discriminator = (convolutions if spec.kind == "image" else networks)(spec, options)
    return gan_with_adams(generator, discriminator, options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration with the hinge loss."""
    return alternate(
        gan,
        batches,
        generate=partial(plain_fakes, gan),
        judge=lambda samples, labels: gan.discriminator(samples),
        objective=Hinge(),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Samples of these latents."""
    samples: Tensor = gan.generator(latents)
    return samples.float()
