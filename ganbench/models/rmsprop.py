"""RMSprop for both networks, where a paper or a report has it in Adam's place."""

from __future__ import annotations

from torch import nn
from torch.optim import RMSprop

from ganbench.models.gan import GAN
from ganbench.models.optim import gan_with, learning_rate
from ganbench.models.options import ADAM, decay, option
from ganbench.types import Options

RMSPROP = (
    option("lr", 1e-3, "learning rate of RMSprop")
    | ADAM.without("lr", "beta1", "beta2")
    | option("rho", 0.9, "how much of RMSprop's mean square is kept at each step; torch calls it alpha")
)


def gan_with_rmsprops(generator: nn.Module, discriminator: nn.Module, options: Options) -> GAN:
    """Both networks with their RMSprops (eps 1e-8, no momentum); otherwise as `gan_with`.

    Raises UsageError also for a negative rate and for a decay that is not in [0, 1).
    """
    rho = decay(options, "rho")
    optimizers = {
        name: RMSprop(network.parameters(), lr=learning_rate(name, options), alpha=rho)
        for name, network in (("generator", generator), ("discriminator", discriminator))
    }
    return gan_with(generator, discriminator, optimizers, options)
