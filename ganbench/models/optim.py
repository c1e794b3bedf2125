"""The optimiser that most GANs use, and a GAN with it."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.optim import Adam, Optimizer

from ganbench.models.gan import GAN
from ganbench.models.iteration import check_game
from ganbench.models.options import at_least_zero, chosen, count, decay
from ganbench.types import Options

_FUSED_DEVICES = ("cpu", "cuda")


def adam(module: nn.Module, lr: float, betas: tuple[float, float] = (0.5, 0.999)) -> Adam:
    """Adam (Kingma 2015) on the parameters of `module`, in one fused kernel where torch has one for their device.

    The default betas are those of DCGAN (Radford 2016); eps is 1e-8, no weight decay.
    """
    parameters = list(module.parameters())
    fused = all(parameter.device.type in _FUSED_DEVICES for parameter in parameters)
    return Adam(parameters, lr=lr, betas=betas, fused=fused)


def learning_rate(network: str, options: Options) -> float:
    """The rate of the network called `network`: the discriminator may have its own (group ADAM)."""
    has_own = network == "discriminator" and "lr_discriminator" in options
    own = at_least_zero(options, "lr_discriminator") if has_own else 0.0
    return own or at_least_zero(options, "lr")


def adams(networks: Mapping[str, nn.Module], options: Options) -> dict[str, Optimizer]:
    """An Adam for each network under its name, from the options of the group ADAM.

    Raises UsageError for a negative rate and for a beta that is not in [0, 1).
    """
    betas = decay(options, "beta1"), decay(options, "beta2")
    return {name: adam(network, learning_rate(name, options), betas) for name, network in networks.items()}


def gan_with_adams(generator: nn.Module, discriminator: nn.Module, options: Options) -> GAN:
    """Both networks with their Adams; otherwise as `gan_with`."""
    optimizers = adams({"generator": generator, "discriminator": discriminator}, options)
    return gan_with(generator, discriminator, optimizers, options)


def gan_with(
    generator: nn.Module, discriminator: nn.Module, optimizers: Mapping[str, Optimizer], options: Options
) -> GAN:
    """Both networks with `optimizers` under their names, and latents as the group LATENT asks.

    Raises UsageError for other latents and for values of the groups TARGETS, ITERATION and BALANCE that training would
    refuse, so that a run with them is not even planned.
    """
    check_game(options)
    return GAN(
        generator,
        discriminator,
        latent_dim=count(options, "latent_dim"),
        latent="uniform" if chosen(options, "latent", ("normal", "uniform")) == "uniform" else "normal",
        optimizers=optimizers,
        options=options,
    )
