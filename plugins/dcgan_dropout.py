"""DCGAN with dropout: the DCGAN of a report that trained it on giraffes at 128 px and on CelebA faces at 32 and 64 px.

Paper: DCGAN (Radford 2016, https://arxiv.org/abs/1511.06434). The report's networks:

- generator: dense → four x (ConvT, BN, LeakyReLU) → one more ConvT to the image, tanh;
- discriminator: four x (convolution, dropout) → dense; 3x3 filters, later 5x5.

One rule for all sizes: the four strided layers of each network halve or double, so that the smallest map has a
sixteenth of the side, rounded up (128 px: 8, 64 px: 4, 32 px: 2, 28 px: 2, 4, 7, 14, 28); the additional ConvT has
stride 1. The defaults are the report's second version: smoothed labels, weights from a Gaussian, Adam at 2e-4 with β1
0.5. Its first version is `lr=1e-4 beta1=0.9 label_smoothing=0 init=glorot`; its best one on CelebA at 64 px is the
second with `kernel=5 lr_discriminator=4e-5`, a fifth of the generator's rate.

The report is silent on the following. Width 64 with twice the maps at each halving, up to 8·width, slope 0.2, normal
latents of length 100 and the Gaussian's deviation 0.02 are DCGAN's; the target of real images is 0.9 (Salimans 2016,
https://arxiv.org/abs/1606.03498), hence ε 0.2; the first version's initialisation is Keras', Glorot's. Dropout 0.3
after each LeakyReLU, and LeakyReLU after the generator's dense layer, are those of TensorFlow's DCGAN tutorial. Biases
stand where no normalisation follows.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.errors import UsageError
from ganbench.models import (
    GAME,
    NETWORKS,
    NonSaturating,
    Style,
    alternate,
    chosen,
    count,
    discriminator_style,
    feature_maps,
    gan_with_adams,
    generator_style,
    normal_init_,
    option,
    plain_fakes,
    targets_of,
)
from ganbench.models.keras_layers import glorot_init_, same_conv, same_conv_transpose
from ganbench.types import Options

KERNELS, NUM_HALVINGS = (3, 5), 4
INITS = {"normal": normal_init_, "glorot": glorot_init_}
OPTIONS = (
    (NETWORKS | GAME).but(
        activation_generator="leaky_relu", norm_discriminator="none", dropout=0.3, label_smoothing=0.2
    )
    | option("kernel", 3, "side of every filter: 3 or 5 pixels")
    | option("init", "normal", "first weights: normal, N(0, 0.02), or glorot, Keras' own")
)


def make_generator(spec: DataSpec, latent_dim: int, width: int, kernel: int, style: Style) -> nn.Sequential:
    """Latents [N, latent_dim] → images [N, C, R, R] in [-1, 1]."""
    sizes, maps = _sizes(spec.resolution), feature_maps(width, NUM_HALVINGS + 1)[::-1]
    layers = [
        *style.activated(nn.Linear(latent_dim, maps[0] * sizes[0] ** 2)),
        nn.Unflatten(1, (maps[0], sizes[0], sizes[0])),
    ]
    for (coarse, fine), size in zip(pairwise(maps), sizes[1:], strict=True):
        doubled = same_conv_transpose(coarse, fine, kernel, odd=bool(size % 2), bias=style.norm is None)
        layers += style.normed(doubled, fine)
    layers += [nn.ConvTranspose2d(maps[-1], spec.channels, kernel, 1, kernel // 2), *style.output()]
    return nn.Sequential(*layers)


def make_discriminator(spec: DataSpec, width: int, kernel: int, style: Style) -> nn.Sequential:
    """Images [N, C, R, R] in [-1, 1] → logits [N]."""
    maps = feature_maps(width, NUM_HALVINGS)
    layers = [*style.input(), *style.activated(same_conv(spec.channels, maps[0], kernel))]
    for fine, coarse in pairwise(maps):
        layers += style.normed(same_conv(fine, coarse, kernel, bias=style.norm is None), coarse)
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(maps[-1] * _sizes(spec.resolution)[0] ** 2, 1), nn.Flatten(0))


def _sizes(resolution: int) -> list[int]:
    """Sides of the maps, the smallest first; each is half of the next, rounded up."""
    return [-(-resolution // 2**level) for level in range(NUM_HALVINGS, -1, -1)]


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="dcgan-dropout",
        title="DCGAN with dropout",
        paper="https://arxiv.org/abs/1511.06434",
        description="Five transposed convolutions against four convolutions with dropout; 3x3 or 5x5 filters.",
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams. Raises UsageError for values that are not offered."""
    width, kernel, style = count(options, "width"), count(options, "kernel"), discriminator_style(options)
    if kernel not in KERNELS:
        raise UsageError(f"option kernel: expected 3 or 5, got {kernel}.")
    init_ = INITS[chosen(options, "init", INITS)]
    generator = make_generator(spec, count(options, "latent_dim"), width, kernel, generator_style(options))
    discriminator = make_discriminator(spec, width, kernel, style)
    return gan_with_adams(init_(generator), style.finished(init_(discriminator)), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """One all-real and one all-fake batch for the discriminator, then the generator's step."""
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
