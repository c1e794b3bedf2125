"""The least-squares game (Mao 2017, arXiv:1611.04076, eq. 9: a = 0, b = c = 1)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from ganbench.models.losses import Targets, Terms

EXACT = Targets()
_CLOSEST = 1e-6  # how near to 0 and 1 an output is taken for a probability


@dataclass(frozen=True)
class LeastSquares:
    """The discriminator minimises ½E[(D(x) - b)²] + ½E[(D(G(z)) - a)²], the generator ½E[(D(G(z)) - c)²].

    Outputs are [N] of any range, without a sigmoid; terms are 0-d float32. `targets` holds b and a, which smoothing and
    noise may move; c is 1.
    """

    targets: Targets = EXACT

    def real(self, output: Tensor, labels: object) -> Terms:
        """½(D(x) - b)², mean over samples."""
        return {"source": half_square(output, self.targets.of_real(output))}

    def fake(self, output: Tensor, labels: object) -> Terms:
        """½(D(G(z)) - a)², mean over samples."""
        return {"source": half_square(output, self.targets.of_fake(output))}

    def generator(self, output: Tensor, labels: object) -> Terms:
        """½(D(G(z)) - 1)², mean over samples."""
        return {"source": half_square(output, 1.0)}

    def logits(self, output: Tensor) -> Tensor:
        """log(p / (1 - p)), float32, of the output clamped into (0, 1).

        The best discriminator's output is p_data / (p_data + p_g), a probability as in Goodfellow's game, so an output
        of more than ½ says "real".
        """
        return torch.logit(output.detach().float(), eps=_CLOSEST)


def half_square(output: Tensor, target: float | Tensor) -> Tensor:
    """½(output - target)², mean over samples, 0-d float32."""
    return 0.5 * (output.float() - target).square().mean()
