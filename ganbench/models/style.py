"""What descendants of DCGAN vary between layers: activation, normalisation, dropout, spectral norm, pixel range."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from torch import Tensor, nn

from ganbench.models.layers import leaky_relu, relu, spectral_norm_
from ganbench.models.options import chosen, share
from ganbench.types import Options

Network = TypeVar("Network", bound=nn.Module)
Layer = Callable[[], nn.Module]
Norm = Callable[[int], nn.Module]

ACTIVATIONS: dict[str, Layer] = {
    "relu": relu,
    "leaky_relu": leaky_relu,
    "selu": partial(nn.SELU, inplace=True),
    "elu": partial(nn.ELU, inplace=True),
}
NORMS: dict[str, Norm | None] = {
    "batch": nn.BatchNorm2d,
    "instance": partial(nn.InstanceNorm2d, affine=True),
    "layer": partial(nn.GroupNorm, 1),  # over maps and places of one sample, as in WGAN-GP
    "none": None,
}
PIXEL_RANGES = ("[-1,1]", "[0,1]")


class Rescale(nn.Module):
    """x → scale · x + shift."""

    def __init__(self, scale: float, shift: float) -> None:
        super().__init__()
        self.scale, self.shift = scale, shift

    def forward(self, values: Tensor) -> Tensor:
        """Values of any shape."""
        return values * self.scale + self.shift


@dataclass(frozen=True)
class Style:
    """How the layers of one network are made. `norm` is None for no normalisation.

    Whatever `pixel_range` is, images outside the networks are in [-1, 1]: a generator that ends in a sigmoid has its
    output rescaled, and a discriminator that works on [0, 1] its input.
    """

    activation: Layer = relu
    norm: Norm | None = nn.BatchNorm2d
    dropout: float = 0.0
    spectral_norm: bool = False
    pixel_range: str = "[-1,1]"

    def normed(self, layer: nn.Module, maps: int) -> list[nn.Module]:
        """A layer of `maps` maps, its normalisation, and the activation."""
        return [layer, *([self.norm(maps)] if self.norm else []), *self.activated()]

    def activated(self, *layers: nn.Module) -> list[nn.Module]:
        """`layers`, the activation and, where there is any, dropout."""
        return [*layers, self.activation(), *([nn.Dropout(self.dropout)] if self.dropout else [])]

    def output(self) -> list[nn.Module]:
        """What a generator ends with."""
        return [nn.Tanh()] if self.pixel_range == "[-1,1]" else [nn.Sigmoid(), Rescale(2.0, -1.0)]

    def input(self) -> list[nn.Module]:
        """What a discriminator begins with, before anything is stacked on the image."""
        return [] if self.pixel_range == "[-1,1]" else [Rescale(0.5, 0.5)]

    def finished(self, network: Network) -> Network:
        """The network with spectral norm where the style has it; initialise before."""
        return spectral_norm_(network) if self.spectral_norm else network


def generator_style(options: Options) -> Style:
    """The style of a generator from the group NETWORKS. Raises UsageError for a value that is not offered."""
    return Style(
        activation=ACTIVATIONS[chosen(options, "activation_generator", ACTIVATIONS)],
        norm=_norm(options, "norm_generator"),
        pixel_range=chosen(options, "pixel_range", PIXEL_RANGES),
    )


def discriminator_style(options: Options) -> Style:
    """The style of a discriminator from the group NETWORKS. Raises UsageError for a value that is not offered."""
    return Style(
        activation=ACTIVATIONS[chosen(options, "activation_discriminator", ACTIVATIONS)],
        norm=_norm(options, "norm_discriminator"),
        dropout=share(options, "dropout"),
        spectral_norm=bool(options["spectral_norm"]),
        pixel_range=chosen(options, "pixel_range", PIXEL_RANGES),
    )


def _norm(options: Options, name: str) -> Norm | None:
    norm, momentum = NORMS[chosen(options, name, NORMS)], share(options, "batch_norm_momentum")
    return partial(nn.BatchNorm2d, momentum=momentum) if norm is nn.BatchNorm2d else norm
