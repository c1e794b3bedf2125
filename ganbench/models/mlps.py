"""Dense networks for images and for points: ReLU layers for the generator, maxout for the discriminator.

So did Goodfellow 2014 (arXiv:1406.2661) on images, and PacGAN (Lin 2018, arXiv:1712.04086) on rings and grids of
Gaussians: there the generator has 4 layers of 400 ReLU with batch norm and no biases but the last, the discriminator 3
layers of 200 maxout units of 5 pieces, all weights from N(0, 0.02) (the paper's text and its authors' code).
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import partial

from torch import Tensor, nn

from ganbench.errors import UsageError
from ganbench.models.init import normal_init_
from ganbench.models.options import OptionGroup, chosen, count, share
from ganbench.models.style import PIXEL_RANGES, Norm, Style, generator_style
from ganbench.types import DataSpec, Options

PERCEPTRONS = OptionGroup(
    {
        "units_generator": 400,
        "layers_generator": 4,
        "units_discriminator": 200,
        "layers_discriminator": 3,
        "maxout_pieces": 5,
    },
    {
        "units_generator": "units of each hidden layer of the generator",
        "layers_generator": "hidden layers of the generator",
        "units_discriminator": "maxout units of each hidden layer of the discriminator",
        "layers_discriminator": "hidden layers of the discriminator",
        "maxout_pieces": "linear functions of which a maxout unit is the largest",
    },
)
VECTOR_NORMS = ("batch", "layer", "none")
IMAGES_ONLY = ("width", "kernel", "pixel_range", "activation_discriminator", "norm_discriminator", "diffaugment")


class Maxout(nn.Module):
    """Units that are each the largest of `pieces` linear functions (Goodfellow 2013, arXiv:1302.4389)."""

    def __init__(self, in_features: int, units: int, pieces: int) -> None:
        super().__init__()
        self.linear, self.pieces = nn.Linear(in_features, units * pieces), pieces

    def forward(self, values: Tensor) -> Tensor:
        """[N, in_features] → [N, units]; unit u is the largest of the linear layer's outputs u, u + units, …

        The pieces of a unit stand apart, since their largest is found faster then than among neighbours.
        """
        pieces: Tensor = self.linear(values)  # [N, pieces · units]
        return pieces.view(len(values), self.pieces, -1).amax(dim=1)


def perceptron_generator(
    latent_dim: int, shape: tuple[int, ...], units: int, num_layers: int, style: Style, std: float = 0.02
) -> nn.Sequential:
    """Latents [N, latent_dim] → images [N, C, H, W] in [-1, 1], or points [N, D] of any size, by `shape`.

    Weights are from N(0, std).
    """
    layers: list[nn.Module] = []
    width = latent_dim
    for _ in range(num_layers):
        layers += style.normed(nn.Linear(width, units, bias=style.norm is None), units)
        width = units
    layers.append(nn.Linear(width, math.prod(shape)))
    if len(shape) == 3:
        layers += [nn.Unflatten(1, shape), *style.output()]
    return normal_init_(nn.Sequential(*layers), std)


def maxout_discriminator(
    shape: tuple[int, ...], units: int, num_layers: int, pieces: int, style: Style, std: float = 0.02
) -> nn.Sequential:
    """Images [N, C, H, W] in [-1, 1] or points [N, D], by `shape` → logits [N]; weights from N(0, std).

    Of the style it takes dropout after each maxout layer, spectral norm and, for images, the pixel range.
    """
    layers: list[nn.Module] = [*style.input(), nn.Flatten()] if len(shape) == 3 else []
    width = math.prod(shape)
    for _ in range(num_layers):
        layers += [Maxout(width, units, pieces), *([nn.Dropout(style.dropout)] if style.dropout else [])]
        width = units
    layers += [nn.Linear(width, 1), nn.Flatten(0)]
    return style.finished(normal_init_(nn.Sequential(*layers), std))


def perceptrons(
    spec: DataSpec, options: Options, stds: tuple[float, float] = (0.02, 0.02), packing: int = 1
) -> tuple[nn.Sequential, nn.Sequential]:
    """Generator and discriminator for images or points, from the groups PERCEPTRONS, LATENT and NETWORKS.

    Weights are from N(0, std), with an std for each network. The discriminator takes `packing` samples beside each
    other along the channels or coordinates. Of NETWORKS, the width and its norm and activation are not read.

    Raises UsageError for a value that is not offered.
    """
    sizes = {name: count(options, name) for name in PERCEPTRONS.defaults}
    generator = perceptron_generator(
        count(options, "latent_dim"),
        spec.shape,
        sizes["units_generator"],
        sizes["layers_generator"],
        replace(generator_style(options), norm=_vector_norm(options)),
        stds[0],
    )
    discriminator = maxout_discriminator(
        (packing * spec.shape[0], *spec.shape[1:]),
        sizes["units_discriminator"],
        sizes["layers_discriminator"],
        sizes["maxout_pieces"],
        Style(
            dropout=share(options, "dropout"),
            spectral_norm=bool(options["spectral_norm"]),
            pixel_range=chosen(options, "pixel_range", PIXEL_RANGES),
        ),
        stds[1],
    )
    return generator, discriminator


def check_points(spec: DataSpec, options: Options, defaults: Options) -> None:
    """Raise UsageError where the data are points and an option that acts on images alone is not at its default."""
    if spec.kind != "points":
        return
    for name in IMAGES_ONLY:
        if name in options and options[name] != defaults[name]:
            raise UsageError(
                f"option {name}: it acts on images and has no effect on points; leave it at {defaults[name]!r}."
            )


def _vector_norm(options: Options) -> Norm | None:
    """The generator's normalisation of vectors; instance norm, which needs maps, is not offered."""
    norm = chosen(options, "norm_generator", VECTOR_NORMS)
    if norm == "batch":
        return partial(nn.BatchNorm1d, momentum=share(options, "batch_norm_momentum"))
    return nn.LayerNorm if norm == "layer" else None
