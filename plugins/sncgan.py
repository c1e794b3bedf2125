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

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import ADAM_HELP, ADAM_OPTIONS, NonSaturating, adams, alternate, labelled_fakes, normal_init_
from ganbench.models.convnets import conv_discriminator, conv_generator
from ganbench.models.layers import label_maps, leaky_relu, require_classes, spectral_norm_
from ganbench.types import Options

batch_norm = partial(nn.BatchNorm2d, eps=1e-5, momentum=0.2)


class Generator(nn.Module):
    """DCGAN's generator on the latent with the one-hot label appended."""

    def __init__(self, spec: DataSpec, latent_dim: int, num_classes: int, width: int) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.layers = conv_generator(
            latent_dim + num_classes, spec.channels, spec.resolution, width, norm=batch_norm, activation=leaky_relu
        )
        normal_init_(self.layers)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Latents [N, latent_dim], labels [N] → images [N, C, H, W]."""
        images: Tensor = self.layers(torch.cat([latents, F.one_hot(labels, self.num_classes)], dim=1))
        return images


class Discriminator(nn.Module):
    """DCGAN's discriminator on the image with one map per class, spectrally normalised."""

    def __init__(self, spec: DataSpec, num_classes: int, width: int, dropout: float) -> None:
        super().__init__()
        self.num_classes = num_classes
        self.layers = conv_discriminator(
            spec.channels + num_classes, spec.resolution, width, norm=batch_norm, dropout=dropout
        )
        spectral_norm_(normal_init_(self.layers))

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        """Images [N, C, H, W], labels [N] → logits [N]."""
        maps = label_maps(labels, self.num_classes, images.shape[-1])
        logits: Tensor = self.layers(torch.cat([images, maps], dim=1))
        return logits


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="sncgan",
        title="SN-CGAN",
        paper="https://arxiv.org/abs/1802.05957",
        description="Conditional DCGAN, labels as channels; spectral norm and dropout in the discriminator.",
        conditional=True,
        options=ADAM_OPTIONS | {"width": 64, "latent_dim": 128, "dropout": 0.25},
        option_help={
            **ADAM_HELP,
            "width": "maps of the hidden layer of highest resolution; deeper layers double up to 8 times as many",
            "latent_dim": "length of the latent vector, without the label",
            "dropout": "share of units dropped after each activation of the discriminator; 0 turns it off",
        },
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams. Raises UsageError for data without labels."""
    num_classes = require_classes(spec, "sncgan")
    width, latent_dim = int(options["width"]), int(options["latent_dim"])
    generator = Generator(spec, latent_dim, num_classes, width)
    discriminator = Discriminator(spec, num_classes, width, float(options["dropout"]))
    optimizers = adams({"generator": generator, "discriminator": discriminator}, options)
    return GAN(generator, discriminator, latent_dim=latent_dim, optimizers=optimizers)


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration; both networks are told the labels."""
    return alternate(
        gan,
        batches,
        generate=lambda batch: labelled_fakes(gan, batch),
        judge=gan.discriminator,
        objective=NonSaturating(),
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents and labels."""
    images: Tensor = gan.generator(latents, labels)
    return images.float()
