"""The optimiser that most GANs use."""

from __future__ import annotations

from collections.abc import Mapping

from torch import nn
from torch.optim import Adam, Optimizer

from ganbench.types import Options, OptionValue

_FUSED_DEVICES = ("cpu", "cuda")

ADAM_OPTIONS: dict[str, OptionValue] = {"lr": 2e-4, "beta1": 0.5}  # DCGAN's
ADAM_HELP = {
    "lr": "learning rate of Adam in both networks",
    "beta1": "Adam's first beta in both networks; the second is 0.999",
}


def adam(module: nn.Module, lr: float, betas: tuple[float, float] = (0.5, 0.999)) -> Adam:
    """Adam (Kingma 2015) on the parameters of `module`, in one fused kernel where torch has one for their device.

    The default betas are those of DCGAN (Radford 2016); eps is 1e-8, no weight decay.
    """
    parameters = list(module.parameters())
    fused = all(parameter.device.type in _FUSED_DEVICES for parameter in parameters)
    return Adam(parameters, lr=lr, betas=betas, fused=fused)


def adams(networks: Mapping[str, nn.Module], options: Options) -> dict[str, Optimizer]:
    """An Adam for each network under its name, with the `lr` and `beta1` of `options` (see ADAM_OPTIONS)."""
    lr, betas = float(options["lr"]), (float(options["beta1"]), 0.999)
    return {name: adam(network, lr, betas) for name, network in networks.items()}
