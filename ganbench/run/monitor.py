"""Turning what a training step returns into history lines without slowing the step.

A step's outputs are kept as they are, on their device. Only when a line is due are they reduced and copied to the CPU,
all in one transfer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from ganbench.errors import GanbenchError
from ganbench.models import GAN

Line = dict[str, float | None]


class TrainingDivergedError(GanbenchError):
    """A loss stopped being a finite number."""


class Monitor:
    """Collects step outputs and reduces them to means over the interval since the last line."""

    def __init__(self) -> None:
        self._collected: dict[str, list[Tensor]] = {}

    def observe(self, outputs: Mapping[str, Tensor]) -> None:
        """Remember one step's outputs; costs no computation and no synchronisation."""
        for name, value in outputs.items():
            self._collected.setdefault(name, []).append(value.detach())

    def reduce(self) -> Line:
        """Means since the last call: losses, `d_real` = mean D(x), `d_fake` = mean D(G(z)), `d_recall` = share of
        fakes that D calls fake. Values that are not finite become None."""
        reduced: dict[str, Tensor] = {}
        for name, values in self._collected.items():
            if name == "real_logits":
                reduced["d_real"] = torch.cat([v.flatten() for v in values]).float().sigmoid().mean()
            elif name == "fake_logits":
                logits = torch.cat([v.flatten() for v in values]).float()
                reduced["d_fake"] = logits.sigmoid().mean()
                reduced["d_recall"] = (logits < 0).float().mean()
            elif all(v.dim() == 0 for v in values):
                reduced[name] = torch.stack(values).float().mean()
        self._collected.clear()
        return to_numbers(reduced)


def gradient_norms(gan: GAN) -> Line:
    """L2 norm of the gradients that each network's last update used."""
    norms: dict[str, Tensor] = {}
    networks: dict[str, nn.Module | None] = {"generator": gan.generator, "discriminator": gan.discriminator}
    for name, network in networks.items():
        gradients = [] if network is None else [p.grad for p in network.parameters() if p.grad is not None]
        if gradients:
            norms[f"grad_norm_{name}"] = nn.utils.get_total_norm(gradients)
    return to_numbers(norms)


def to_numbers(values: Mapping[str, Tensor]) -> Line:
    """0-d tensors as floats with one transfer from the device; what is not finite becomes None."""
    if not values:
        return {}
    numbers = torch.stack([value.detach().float() for value in values.values()]).tolist()
    return {name: number if math.isfinite(number) else None for name, number in zip(values, numbers, strict=True)}


def check_finite(line: Line, step: int) -> None:
    """Raises TrainingDivergedError when a loss in `line` is not finite."""
    broken = [name for name, value in line.items() if name.startswith("loss") and value is None]
    if broken:
        raise TrainingDivergedError(
            f"training diverged: {', '.join(broken)} not finite at or shortly before step {step}. "
            "Try a lower learning rate (--set PLUGIN.lr=...) or precision fp32."
        )
