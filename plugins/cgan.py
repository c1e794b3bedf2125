"""CGAN: a convolutional conditional GAN, labels as extra channels of both networks' inputs.

Paper: Mirza, Osindero 2014, "Conditional generative adversarial nets", https://arxiv.org/abs/1411.1784. The recipe is a
report's on CIFAR-10 ("CDCGAN"): the one-hot label joins the latent (128 + 10 = 138 input channels) and, as constant
maps, the image (3 + 10 = 13); LeakyReLU in both networks; spectral norm in the discriminator (Miyato 2018). It trained
this as CGAN 1, and as CGAN 2 with `label_smoothing` and augmented images.

The report prints no table of layers, only that its SN-CGAN had about 850 k fewer parameters in the generator and 400 k
fewer in the discriminator. Chosen here, in the shape of Keras' conditional GANs (dense to a small map of as many
channels as the input has), so that against `sncgan` at 32 px the differences are 864,387 and 388,097:

generator: dense from 138 to 138 maps of 8x8, two transposed 5x5 convolutions of stride 2 with 128 maps each and batch
    norm, a 5x5 convolution to the image, tanh: 2,088,963 parameters;
discriminator: 5x5 convolutions of stride 2, 2 and 1 with 64, 128 and 256 maps, dense to one logit: 1,061,633.

Other resolutions are doubled and halved more or less often, from and to at most 8x8; `width` scales every layer but the
dense one. Batch norm in the generator alone is that of the report's DCGANs before it; its SN-CGAN is the one with batch
norm in both. The slope 0.2, weights from N(0, 0.02), latents from N(0, I) and Adam at lr 2e-4 and β1 0.5 are DCGAN's.
Biases where no batch norm follows. The loss is the non-saturating cross-entropy; a fake gets the label of the real
image beside it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor, nn

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import (
    GAME,
    NETWORKS,
    LabelledDiscriminator,
    LabelledGenerator,
    NonSaturating,
    Style,
    alternate,
    count,
    discriminator_style,
    feature_maps,
    gan_with_adams,
    generator_style,
    halved_sizes,
    labelled_fakes,
    normal_init_,
    require_classes,
    targets_of,
)
from ganbench.models.keras_layers import same_conv_transpose
from ganbench.types import Options

OPTIONS = (NETWORKS | GAME).but(
    latent_dim=128,
    spectral_norm=True,
    activation_generator="leaky_relu",
    norm_discriminator="none",
)
KERNEL, SMALLEST = 5, 8


def drawing_layers(in_channels: int, spec: DataSpec, width: int, style: Style) -> nn.Sequential:
    """[N, in_channels] → images [N, C, H, W]; every convolution but the last makes 2·width maps."""
    base, *sizes = halved_sizes(spec.resolution, SMALLEST)
    dense = nn.Linear(in_channels, in_channels * base**2)
    layers = [*style.activated(dense), nn.Unflatten(1, (in_channels, base, base))]
    maps = in_channels
    for size in sizes:
        doubling = same_conv_transpose(maps, 2 * width, KERNEL, odd=size % 2 == 1, bias=style.norm is None)
        layers += style.normed(doubling, 2 * width)
        maps = 2 * width
    image = nn.Conv2d(maps, spec.channels, KERNEL, padding=KERNEL // 2)
    return normal_init_(nn.Sequential(*layers, image, *style.output()))


def judging_layers(in_channels: int, resolution: int, width: int, style: Style) -> nn.Sequential:
    """[N, in_channels, H, W] → logits [N]; the first layer is never normalised, as in DCGAN."""
    sizes = halved_sizes(resolution, SMALLEST)
    layers: list[nn.Module] = []
    maps = in_channels
    for i, wider in enumerate(feature_maps(width, len(sizes))):
        stride, normed = (2 if i < len(sizes) - 1 else 1), i > 0
        biased = style.norm is None or not normed
        convolution = nn.Conv2d(maps, wider, KERNEL, stride, KERNEL // 2, bias=biased)
        layers += style.normed(convolution, wider) if normed else style.activated(convolution)
        maps = wider
    layers += [nn.Flatten(), nn.Linear(maps * sizes[0] ** 2, 1), nn.Flatten(0)]
    return style.finished(normal_init_(nn.Sequential(*layers)))


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="cgan",
        title="CGAN",
        paper="https://arxiv.org/abs/1411.1784",
        description="Labels as channels of both inputs, 5x5 convolutions, spectral norm in the discriminator.",
        conditional=True,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams. Raises UsageError for data without labels."""
    classes = require_classes(spec, "cgan")
    width, latent_dim, style = count(options, "width"), count(options, "latent_dim"), discriminator_style(options)
    drawing = drawing_layers(latent_dim + classes, spec, width, generator_style(options))
    judging = judging_layers(spec.channels + classes, spec.resolution, width, style)
    return gan_with_adams(LabelledGenerator(drawing, classes), LabelledDiscriminator(judging, classes, style), options)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration; both networks are told the labels."""
    return alternate(
        gan,
        batches,
        generate=partial(labelled_fakes, gan),
        judge=gan.discriminator,
        objective=NonSaturating(targets_of(gan.options)),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents and labels."""
    images: Tensor = gan.generator(latents, labels)
    return images.float()
