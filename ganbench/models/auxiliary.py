"""The networks of AC-GAN and VT-GAN: a generator told its class, a discriminator with a head for it.

Papers: AC-GAN (Odena 2017, arXiv:1610.09585); minibatch discrimination and label smoothing (Salimans 2016,
arXiv:1606.03498). The tables are a report's on CIFAR-10; width 64 gives them exactly, another width scales every layer.

Where the report is silent, AC-GAN's appendix decides: the one-hot label is appended to the latent (100 + 10 = 110
inputs), LeakyReLU's slope is 0.2, weights are from N(0, 0.02). Chosen here: biases where no normalisation follows; away
from 32 px the generator still starts at 2x2, each size half of the next, rounded up (28 px: 2, 4, 7, 14, 28), with at
most 8·width maps, and as many layers of the discriminator are strided as bring its last maps down to 4x4.
"""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from ganbench.models.convnets import LabelledGenerator
from ganbench.models.init import normal_init_
from ganbench.models.keras_layers import same_conv_transpose
from ganbench.models.layers import MinibatchDiscrimination, feature_maps, halved_sizes
from ganbench.models.losses import AuxiliaryClassifier, NonSaturating, targets_of
from ganbench.models.options import GAME, NETWORKS, count, option, share
from ganbench.models.style import Style, discriminator_style, generator_style
from ganbench.types import DataSpec, Options

AUXILIARY = (
    (NETWORKS | GAME).but(latent="uniform", activation_generator="leaky_relu")
    | option("minibatch_discrimination", False, "show the discriminator how alike the images of a batch are")
    | option("class_smoothing", 0.0, "ε: the class target of a real image is 1 - ε(k-1)/k for its own of k classes")
)
CONVOLUTIONS = ((5, 16), (5, 32), (3, 64), (5, 128), (3, 256), (3, 512))  # kernel, filters at width 64
STRIDED_FIRST = (0, 2, 4, 5, 3, 1)  # which convolutions have stride 2: at 32 px the first three of these
NUM_KERNELS, KERNEL_DIM = 30, 5


def auxiliary_generator(
    spec: DataSpec, num_classes: int, latent_dim: int, width: int, style: Style
) -> LabelledGenerator:
    """Latent and one-hot label → dense to 8·width maps of 2x2 → transposed 5x5 convolutions of stride 2 → image.

    At 32 px and width 64 the maps are 512, 256, 128, 64, C; the dense and the last layer have no batch norm.
    """
    base, *sizes = halved_sizes(spec.resolution, smallest=2)
    maps = feature_maps(width, len(sizes))[::-1]
    dense = nn.Linear(latent_dim + num_classes, maps[0] * base**2)
    layers = [dense, nn.Unflatten(1, (maps[0], base, base)), *style.activated()]
    for (coarse, fine), size in zip(pairwise(maps), sizes[:-1], strict=True):
        doubling = same_conv_transpose(coarse, fine, 5, odd=size % 2 == 1, bias=style.norm is None)
        layers += style.normed(doubling, fine)
    image = same_conv_transpose(maps[-1], spec.channels, 5, odd=spec.resolution % 2 == 1)
    return LabelledGenerator(normal_init_(nn.Sequential(*layers, image, *style.output())), num_classes)


class AuxiliaryDiscriminator(nn.Module):
    """Six convolutions, minibatch discrimination if asked for, then a head for the source and one for the class.

    The first and the last convolution have no batch norm. Spectral norm leaves the tensor T of minibatch
    discrimination as it is: T measures distances, it is no layer on the way of a signal.
    """

    def __init__(self, spec: DataSpec, num_classes: int, width: int, style: Style, compares_batch: bool) -> None:
        super().__init__()
        num_strided = len(halved_sizes(spec.resolution, smallest=4)) - 1
        layers, channels, size = style.input(), spec.channels, spec.resolution
        for i, (kernel, filters) in enumerate(CONVOLUTIONS):
            stride = 2 if i in STRIDED_FIRST[:num_strided] else 1
            maps, normed = max(1, filters * width // 64), 0 < i < len(CONVOLUTIONS) - 1
            biased = style.norm is None or not normed
            convolution = nn.Conv2d(channels, maps, kernel, stride, kernel // 2, bias=biased)
            layers += style.normed(convolution, maps) if normed else style.activated(convolution)
            channels, size = maps, -(-size // stride)
        num_features = channels * size**2
        layers.append(nn.Flatten())
        if compares_batch:
            layers.append(MinibatchDiscrimination(num_features, NUM_KERNELS, KERNEL_DIM))
            num_features += NUM_KERNELS
        self.layers = nn.Sequential(*layers)
        self.source_head = nn.Linear(num_features, 1)
        self.class_head = nn.Linear(num_features, num_classes)
        style.finished(normal_init_(self))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images [N, C, H, W] → source logits [N], class logits [N, K]."""
        features = self.layers(images)
        return self.source_head(features).squeeze(1), self.class_head(features)


def auxiliary_networks(
    spec: DataSpec, num_classes: int, options: Options
) -> tuple[LabelledGenerator, AuxiliaryDiscriminator]:
    """Both networks as the options AUXILIARY ask. Raises UsageError for a value that is not offered."""
    auxiliary_objective(options)  # refuses now what the first iteration would
    width, latent_dim = count(options, "width"), count(options, "latent_dim")
    generator = auxiliary_generator(spec, num_classes, latent_dim, width, generator_style(options))
    compares_batch = bool(options["minibatch_discrimination"])
    return generator, AuxiliaryDiscriminator(spec, num_classes, width, discriminator_style(options), compares_batch)


def auxiliary_objective(options: Options) -> AuxiliaryClassifier:
    """Source and class losses with targets as the options AUXILIARY ask. Raises UsageError for a share out of range."""
    return AuxiliaryClassifier(NonSaturating(targets_of(options)), class_smoothing=share(options, "class_smoothing"))
