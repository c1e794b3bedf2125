"""SN-CGAN: a conditional DCGAN with spectral norm in the discriminator, labels as extra channels.

Papers: conditional GAN (Mirza 2014, https://arxiv.org/abs/1411.1784), DCGAN (Radford 2016, arXiv:1511.06434), spectral
normalisation (Miyato 2018, https://arxiv.org/abs/1802.05957). The recipe is a report's that trained it on CIFAR-10: the
one-hot label joins the latent (128 + 10 = 138 input channels) and, as constant maps, the image (3 + 10 = 13); spectral
norm and dropout in the discriminator; batch norm in both networks with momentum 0.2 (Keras writes 0.8) and ε 1e-5;
LeakyReLU in both.

The report is silent on the following. Layers, kernel 4, initialisation, no biases, Adam at lr 2e-4, β1 0.5 and the
slope 0.2 are DCGAN's; no batch norm on the discriminator's first layer, likewise. Dropout 0.25 after each of its
activations: no paper decides it. Every convolution of the discriminator is normalised, with one power iteration in each
of its passes, three a training iteration. The loss is the non-saturating cross-entropy; a fake gets the label of the
real image beside it, so classes are as frequent as in the data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import (
    GAME,
    NETWORKS,
    LabelledDiscriminator,
    LabelledGenerator,
    NonSaturating,
    alternate,
    conv_discriminator,
    conv_generator,
    count,
    discriminator_style,
    gan_with_adams,
    generator_style,
    labelled_fakes,
    require_classes,
    targets_of,
)
from ganbench.models.layers import DOUBLED_RESOLUTIONS
from ganbench.types import Options

OPTIONS = (NETWORKS | GAME).but(
    latent_dim=128, dropout=0.25, spectral_norm=True, batch_norm_momentum=0.2, activation_generator="leaky_relu"
)


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="sncgan",
        title="SN-CGAN",
        paper="https://arxiv.org/abs/1802.05957",
        description="Conditional DCGAN, labels as channels; spectral norm and dropout in the discriminator.",
        conditional=True,
        resolutions=DOUBLED_RESOLUTIONS,
        options=OPTIONS.defaults,
        option_help=OPTIONS.help,
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams. Raises UsageError for data without labels."""
    classes = require_classes(spec, "sncgan")
    width, latent_dim, style = count(options, "width"), count(options, "latent_dim"), discriminator_style(options)
    drawing = conv_generator(latent_dim + classes, spec.channels, spec.resolution, width, generator_style(options))
    judging = conv_discriminator(spec.channels + classes, spec.resolution, width, style)
    generator = LabelledGenerator(drawing, classes)
    discriminator = LabelledDiscriminator(judging, classes, style)
    return gan_with_adams(generator, discriminator, options)


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
