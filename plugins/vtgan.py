"""VT-GAN: AC-GAN with minibatch discrimination and smoothed labels; with both turned off it is AC-GAN.

Papers: AC-GAN (Odena 2017, https://arxiv.org/abs/1610.09585); minibatch discrimination and label smoothing (Salimans
2016, https://arxiv.org/abs/1606.03498). The tables are a report's on CIFAR-10; width 64 gives them exactly, another
width scales every layer. The discriminator sees real and fake images in separate batches, so minibatch discrimination
compares reals with reals and fakes with fakes. Labels of real images are smoothed: with ε the smoothing, the right one
of k classes has the target 1 - ε(k-1)/k and each other ε/k; k is 2 for the source and the number of classes for the
class. Fakes are not smoothed, nor is the generator's target.

The report is silent on the following. Latents are U(-1, 1) of length 100, multiplied by an embedding of the label with
Glorot's initialisation; LeakyReLU's slope is 0.2; Adam at lr 2e-4 and β1 0.5, other weights from N(0, 0.02) as in
AC-GAN's appendix; biases where no batch norm follows; fakes carry the labels of the real images beside them. Away from
32 px the generator still starts at 2x2, each size half of the next, rounded up (28 px: 2, 4, 7, 14, 28), with at most
512 maps; the discriminator's unstrided layers become strided, the last first, until its last maps are 4x4.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from functools import partial
from itertools import pairwise

from torch import Tensor, nn

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import ADAM_HELP, ADAM_OPTIONS, adams, alternate, labelled_fakes, normal_init_
from ganbench.models.layers import MinibatchDiscrimination, feature_maps, halved_sizes, leaky_relu, require_classes
from ganbench.models.losses import AuxiliaryClassifier, NonSaturating, smoothed_target
from ganbench.types import Options

# kernel, stride, filters; batch norm on all but the first and the last
CONVOLUTIONS = ((5, 2, 16), (5, 1, 32), (3, 2, 64), (5, 1, 128), (3, 2, 256), (3, 1, 512))


class Generator(nn.Module):
    """Latent times label embedding → dense to 512 maps → transposed 5x5 convolutions, stride 2: 256, 128, 64, C."""

    def __init__(self, spec: DataSpec, latent_dim: int, num_classes: int, width: int) -> None:
        super().__init__()
        base, *sizes = halved_sizes(spec.resolution, smallest=2)
        maps = feature_maps(width, len(sizes))[::-1]
        self.embedding = nn.Embedding(num_classes, latent_dim)
        upsample = partial(nn.ConvTranspose2d, kernel_size=5, stride=2, padding=2)
        layers = [nn.Linear(latent_dim, maps[0] * base**2), nn.Unflatten(1, (maps[0], base, base)), leaky_relu()]
        for (coarse, fine), size in zip(pairwise(maps), sizes, strict=False):  # the last size is the image's
            even = (size + 1) % 2
            layers += [upsample(coarse, fine, output_padding=even, bias=False), nn.BatchNorm2d(fine), leaky_relu()]
        image = upsample(maps[-1], spec.channels, output_padding=(spec.resolution + 1) % 2)
        self.layers = normal_init_(nn.Sequential(*layers, image, nn.Tanh()))
        nn.init.xavier_normal_(self.embedding.weight)

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        """Latents [N, latent_dim], labels [N] → images [N, C, H, W]."""
        images: Tensor = self.layers(latents * self.embedding(labels))
        return images


class Discriminator(nn.Module):
    """Six convolutions, minibatch discrimination, then a head for the source and one for the class."""

    def __init__(self, spec: DataSpec, num_classes: int, width: int, minibatch_discrimination: bool) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels, size = spec.channels, spec.resolution
        for i, stride in enumerate(_strides(spec.resolution)):
            kernel, _, filters = CONVOLUTIONS[i]
            maps, normed = max(1, filters * width // 64), 0 < i < len(CONVOLUTIONS) - 1
            layers.append(nn.Conv2d(channels, maps, kernel, stride, kernel // 2, bias=not normed))
            layers += [nn.BatchNorm2d(maps), leaky_relu()] if normed else [leaky_relu()]
            channels, size = maps, -(-size // stride)
        num_features = channels * size**2
        layers.append(nn.Flatten())
        if minibatch_discrimination:
            layers.append(MinibatchDiscrimination(num_features, num_kernels=30, kernel_dim=5))
            num_features += 30
        self.layers = nn.Sequential(*layers)
        self.source_head = nn.Linear(num_features, 1)
        self.class_head = nn.Linear(num_features, num_classes)
        normal_init_(self)

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images [N, C, H, W] → source logits [N], class logits [N, K]."""
        features = self.layers(images)
        return self.source_head(features).squeeze(1), self.class_head(features)


def _strides(resolution: int) -> list[int]:
    """The table's strides, with 2 for 1 from the last layer back, as long as the last maps would exceed 4x4."""
    strides = [stride for _, stride, _ in CONVOLUTIONS]
    for i in (5, 3, 1):
        if resolution > 4 * math.prod(strides):
            strides[i] = 2
    return strides


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this variant is."""
    return ModelInfo(
        name="vtgan",
        title="VT-GAN",
        paper="https://arxiv.org/abs/1610.09585",
        description="AC-GAN with minibatch discrimination and label smoothing.",
        conditional=True,
        options=ADAM_OPTIONS
        | {"width": 64, "latent_dim": 100, "minibatch_discrimination": True, "label_smoothing": 0.1},
        option_help={
            **ADAM_HELP,
            "width": "maps before the generator's last layer; every other layer of both networks is scaled along",
            "latent_dim": "length of the latent vector",
            "minibatch_discrimination": "show the discriminator how alike the images of a batch are",
            "label_smoothing": "how far the labels of real images are smoothed, from 0 (not) to 1",
        },
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """Both networks and their Adams. Raises UsageError for data without labels."""
    num_classes = require_classes(spec, "vtgan")
    width, latent_dim = int(options["width"]), int(options["latent_dim"])
    generator = Generator(spec, latent_dim, num_classes, width)
    discriminator = Discriminator(spec, num_classes, width, bool(options["minibatch_discrimination"]))
    optimizers = adams({"generator": generator, "discriminator": discriminator}, options)
    return GAN(
        generator, discriminator, latent_dim=latent_dim, latent="uniform", optimizers=optimizers, options=options
    )


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """The standard iteration with source and class losses; real images first, then fakes, in batches of their own."""
    smoothing = float(gan.options["label_smoothing"])
    objective = AuxiliaryClassifier(NonSaturating(smoothed_target(smoothing, 2)), class_smoothing=smoothing)
    return alternate(
        gan,
        batches,
        generate=lambda batch: labelled_fakes(gan, batch),
        judge=lambda images, labels: gan.discriminator(images),
        objective=objective,
    )


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """Images of these latents and labels."""
    images: Tensor = gan.generator(latents, labels)
    return images.float()
