"""RMSprop for both networks, where a paper or a report has it in Adam's place."""

from __future__ import annotations

from torch import nn
from torch.optim import RMSprop

from ganbench.models.gan import GAN
from ganbench.models.iteration import check_game
from ganbench.models.optim import learning_rate
from ganbench.models.options import ADAM, chosen, count, decay, option
from ganbench.types import Options

RMSPROP = (
    option("lr", 1e-3, "learning rate of RMSprop")
    | ADAM.without("lr", "beta1", "beta2")
    | option("rho", 0.9, "how much of RMSprop's mean square is kept at each step; torch calls it alpha")
)


def gan_with_rmsprops(generator: nn.Module, discriminator: nn.Module, options: Options) -> GAN:
    """Both networks with their RMSprops (eps 1e-8, no momentum), and latents as the group LATENT asks.

    Raises UsageError for a negative rate, for a decay that is not in [0, 1), and for values of the groups LATENT,
    TARGETS, ITERATION and BALANCE that are not offered.
    """
    check_game(options)
    rho = decay(options, "rho")
    networks = {"generator": generator, "discriminator": discriminator}
    return GAN(
        generator,
        discriminator,
        latent_dim=count(options, "latent_dim"),
        latent="uniform" if chosen(options, "latent", ("normal", "uniform")) == "uniform" else "normal",
        optimizers={
            name: RMSprop(network.parameters(), lr=learning_rate(name, options), alpha=rho)
            for name, network in networks.items()
        },
        options=options,
    )
