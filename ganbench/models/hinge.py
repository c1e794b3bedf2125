"""The hinge version of the adversarial loss (Miyato 2018, arXiv:1802.05957, eqs. 16-17; first in Lim & Ye 2017)."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional as F

from ganbench.models.losses import Terms


@dataclass(frozen=True)
class Hinge:
    """The discriminator minimises E[max(0, 1 - D(x))] + E[max(0, 1 + D(G(z)))], the generator -E[D(G(z))].

    Outputs are [N], terms 0-d float32. A discriminator at its best says +1 where real samples are denser than fakes and
    -1 elsewhere (Lim & Ye 2017, arXiv:1705.02894): the sign is its verdict, as that of a logit is.
    """

    def real(self, output: Tensor, labels: object) -> Terms:
        """max(0, 1 - D(x)), mean over samples."""
        return {"source": F.relu(1.0 - output.float()).mean()}

    def fake(self, output: Tensor, labels: object) -> Terms:
        """max(0, 1 + D(G(z))), mean over samples."""
        return {"source": F.relu(1.0 + output.float()).mean()}

    def generator(self, output: Tensor, labels: object) -> Terms:
        """-D(G(z)), mean over samples: linear, so that it never saturates."""
        return {"source": -output.float().mean()}

    def logits(self, output: Tensor) -> Tensor:
        """The output: positive means "real"."""
        return output
