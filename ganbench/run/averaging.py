"""The averaged generator: an exponential moving average of its parameters (Yazıcı et al. 2019, arXiv:1806.04498).

Torch's `AveragedModel` is not used: it waits for the device at every step, copies modules that cannot be copied (hooks
of weight norm), and refuses a generator without parameters, which a control may have.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn


class AveragedGenerator:
    """Averages of a generator's parameters; buffers (batch norm's statistics) stay the trained ones.

    After the first step the average is the weights; after each later one it is decay · average + (1 - decay) · weights.
    """

    def __init__(self, generator: nn.Module, decay: float) -> None:
        self.decay = decay
        self.num_updates = 0
        self._trained: list[torch.Tensor] = list(generator.parameters())
        self._average = [parameter.detach().clone() for parameter in self._trained]

    @torch.no_grad()
    def update(self) -> None:
        """Take the present weights into the average, on the device, without waiting for it."""
        if self._average:
            weight = 1.0 if self.num_updates == 0 else 1.0 - self.decay
            torch._foreach_lerp_(self._average, self._trained, weight)
        self.num_updates += 1

    @torch.no_grad()
    def copy_to_generator(self) -> None:
        """Put the averages in the place of the trained weights."""
        for parameter, average in zip(self._trained, self._average, strict=True):
            parameter.copy_(average)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Inside, the generator has the averaged weights; afterwards, bit for bit, the trained ones."""
        kept = [parameter.detach().clone() for parameter in self._trained]
        self.copy_to_generator()
        try:
            yield
        finally:
            with torch.no_grad():
                for parameter, trained in zip(self._trained, kept, strict=True):
                    parameter.copy_(trained)

    def state_dict(self) -> dict[str, Any]:
        """Averages and their number of updates."""
        return {"num_updates": self.num_updates, "average": self._average}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from `state_dict`."""
        self.num_updates = state["num_updates"]
        for average, stored in zip(self._average, state["average"], strict=True):
            average.copy_(stored)
