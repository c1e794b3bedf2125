"""The Wasserstein game with ProGAN's drift term (Karras 2018, arXiv:1710.10196, section A.1)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from ganbench.models.critics import Wasserstein
from ganbench.models.losses import Terms


@dataclass(frozen=True)
class DriftingWasserstein(Wasserstein):
    """The Wasserstein game, where the critic also minimises drift · E[D(x)²] on real samples.

    The game leaves a constant in the critic's outputs free; the term keeps it from drifting away from 0.
    """

    drift: float

    def real(self, output: Tensor, labels: object) -> Terms:
        """-D(x) + drift · D(x)², mean over samples."""
        scores = output.float()
        return {"source": self.drift * scores.square().mean() - scores.mean()}
