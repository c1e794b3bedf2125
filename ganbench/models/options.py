"""Options that variants share, in groups: a variant takes the groups that have an effect on it, with its own defaults.

What each group does is done by the part of `ganbench.models` named beside it, which reads the options that it knows
from `GAN.options` and leaves a variant without them as it was.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ganbench.errors import UsageError
from ganbench.types import Options, OptionValue


@dataclass(frozen=True)
class OptionGroup:
    """Options with their defaults and what each means; `a | b` joins two groups."""

    defaults: Mapping[str, OptionValue]
    help: Mapping[str, str]

    def __post_init__(self) -> None:
        assert self.defaults.keys() == self.help.keys(), "every option is explained, and nothing else"

    def __or__(self, other: OptionGroup) -> OptionGroup:
        return OptionGroup({**self.defaults, **other.defaults}, {**self.help, **other.help})

    def but(self, **defaults: OptionValue) -> OptionGroup:
        """The same options with other defaults. Raises KeyError for an option that is not in the group."""
        for name in defaults:
            if name not in self.defaults:
                raise KeyError(f"no option '{name}' in this group, which has {', '.join(self.defaults)}")
        return OptionGroup({**self.defaults, **defaults}, self.help)

    def without(self, *names: str) -> OptionGroup:
        """The group less the options `names`, for a variant on which they would have no effect."""
        kept = [name for name in self.defaults if name not in names]
        return OptionGroup({name: self.defaults[name] for name in kept}, {name: self.help[name] for name in kept})


def option(name: str, default: OptionValue, meaning: str) -> OptionGroup:
    """A group of one option."""
    return OptionGroup({name: default}, {name: meaning})


ADAM = OptionGroup(  # ganbench.models.optim
    {"lr": 2e-4, "lr_discriminator": 0.0, "beta1": 0.5, "beta2": 0.999},  # DCGAN's
    {
        "lr": "learning rate of Adam",
        "lr_discriminator": "learning rate of the discriminator alone; 0: the same as lr",
        "beta1": "Adam's first beta",
        "beta2": "Adam's second beta",
    },
)

LATENT = OptionGroup(  # GAN(latent_dim=..., latent=...)
    {"latent_dim": 100, "latent": "normal"},
    {
        "latent_dim": "length of the latent vector, labels and codes not counted",
        "latent": "how latents are drawn: normal, N(0, 1), or uniform, U(-1, 1)",
    },
)

NETWORKS = OptionGroup(  # ganbench.models.style
    {
        "width": 64,
        "pixel_range": "[-1,1]",
        "activation_generator": "relu",
        "activation_discriminator": "leaky_relu",
        "norm_generator": "batch",
        "norm_discriminator": "batch",
        "batch_norm_momentum": 0.1,
        "dropout": 0.0,
        "spectral_norm": False,
    },
    {
        "width": "maps of the hidden layer of highest resolution; the other layers follow",
        "pixel_range": "pixels that the networks work with: [-1,1], tanh at the generator's end, or [0,1], sigmoid",
        "activation_generator": "relu, leaky_relu, selu or elu between the generator's layers",
        "activation_discriminator": "relu, leaky_relu, selu or elu between the discriminator's layers",
        "norm_generator": "batch, instance, layer or none between the generator's layers",
        "norm_discriminator": "batch, instance, layer or none between the discriminator's layers",
        "batch_norm_momentum": "weight of the newest batch in batch norm's statistics; Keras writes 1 less it",
        "dropout": "share of units dropped after each activation of the discriminator",
        "spectral_norm": "divide each weight of the discriminator by its largest singular value",
    },
)

TARGETS = OptionGroup(  # ganbench.models.losses.targets_of
    {"label_smoothing": 0.0, "smoothing": "one-sided", "noisy_labels": 0.0},
    {
        "label_smoothing": "ε: the discriminator's target for a real image is 1 - ε/2 in place of 1",
        "smoothing": "one-sided: only targets of real images are smoothed; two-sided: those of fakes too, to ε/2",
        "noisy_labels": "share of images whose target, real or fake, is flipped at each step of the discriminator",
    },
)

ITERATION = OptionGroup(  # ganbench.models.iteration.alternate
    {"n_critic": 1, "generator_steps": 1, "joint_batch": False, "diffaugment": ""},
    {
        "n_critic": "steps of the discriminator for each iteration",
        "generator_steps": "steps of the generator for each iteration",
        "joint_batch": "show the discriminator real images and fakes in one batch, not in two",
        "diffaugment": "DiffAugment of what the discriminator sees: any of color,translation,cutout; empty: none",
    },
)

BALANCE = OptionGroup(  # ganbench.models.iteration.alternate
    {"max_accuracy": 1.0},
    {"max_accuracy": "the discriminator skips its step where it is right on a larger share of the batch; 1: never"},
)

GAME = ADAM | LATENT | TARGETS | ITERATION | BALANCE  # what every variant with real and fake targets takes


def chosen(options: Options, name: str, choices: Iterable[str]) -> str:
    """The value of a text option. Raises UsageError where it is none of `choices`."""
    value = str(options[name])
    if value not in choices:
        raise UsageError(f"option {name}: expected one of {', '.join(choices)}, got '{value}'.")
    return value


def share(options: Options, name: str) -> float:
    """The value of an option that is a share. Raises UsageError where it is not in [0, 1]."""
    value = float(options[name])
    if not 0.0 <= value <= 1.0:
        raise UsageError(f"option {name}: expected a share from 0 to 1, got {value:g}.")
    return value


def at_least_zero(options: Options, name: str) -> float:
    """The value of an option that is a rate or a weight. Raises UsageError where it is negative or not finite."""
    value = float(options[name])
    if not 0.0 <= value < math.inf:
        raise UsageError(f"option {name}: expected a number from 0 up, got {value:g}.")
    return value


def decay(options: Options, name: str) -> float:
    """The value of an option that is a decay, such as Adam's betas. Raises UsageError where it is not in [0, 1)."""
    value = float(options[name])
    if not 0.0 <= value < 1.0:
        raise UsageError(f"option {name}: expected a number from 0 to below 1, got {value:g}.")
    return value


def count(options: Options, name: str) -> int:
    """The value of an option that is a number of things. Raises UsageError where it is below 1."""
    value = int(options[name])
    if value < 1:
        raise UsageError(f"option {name}: expected at least 1, got {value}.")
    return value
