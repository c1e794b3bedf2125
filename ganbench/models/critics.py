"""The Wasserstein game and the two ways to bound its critic: clipped weights and the gradient penalty.

Papers: Arjovsky 2017 (arXiv:1701.07875) and Gulrajani 2017 (arXiv:1704.00028). The distance is the largest difference
of means that a function can have whose slope is nowhere above 1, so the critic's slope must be bounded.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from ganbench.models.losses import Terms


@dataclass(frozen=True)
class Wasserstein:
    """The critic minimises E[D(G(z))] - E[D(x)], the generator -E[D(G(z))]. Outputs are [N], terms 0-d float32.

    The critic's loss, with its sign changed and without the penalty, estimates the distance of real samples from fakes
    (Arjovsky 2017, section 4), up to the bound on the critic's slope.
    """

    def real(self, output: Tensor, labels: object) -> Terms:
        """-D(x), mean over samples."""
        return {"source": -output.float().mean()}

    def fake(self, output: Tensor, labels: object) -> Terms:
        """D(G(z)), mean over samples."""
        return {"source": output.float().mean()}

    def generator(self, output: Tensor, labels: object) -> Terms:
        """-D(G(z)), mean over samples."""
        return {"source": -output.float().mean()}

    def logits(self, output: Tensor) -> None:
        """A critic's output has no zero that would divide real from fake."""


def gradient_penalty(critic: Callable[[Tensor], Tensor], real: Tensor, fake: Tensor) -> Tensor:
    """E[(‖∇D(x̂)‖₂ - 1)²] with x̂ = εx + (1 - ε)G(z), ε ~ U(0, 1) for each pair (Gulrajani 2017, eq. 3).

    One-centred and two-sided: slopes below 1 cost as well. The norm is over all values of a sample.

    Args:
        critic: Samples [N, ...] → outputs [N], each from its own sample alone, so no batch norm.
        real: Samples [N, ...].
        fake: As many, without gradients.

    Returns:
        0-d float32, differentiable by the critic's weights. All of it is computed in float32, also under autocast:
        the gradient of a gradient loses too much in a shorter format.
    """
    with _without_autocast(real.device):
        shares = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
        between = torch.lerp(fake.detach().float(), real.float(), shares).requires_grad_()
        (slopes,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        norms = torch.linalg.vector_norm(slopes.flatten(1), dim=1)  # [N]; its own gradient is 0, not NaN, at 0
        penalty: Tensor = (norms - 1).square().mean()
        return penalty


def clip_weights(network: nn.Module, bound: float) -> None:
    """Put every parameter of `network` back into [-bound, bound], scales and shifts of batch norm included.

    So does the authors' code. A few kernels on the device do it for all parameters.
    """
    with torch.no_grad():
        parameters: list[Tensor] = list(network.parameters())
        torch._foreach_clamp_min_(parameters, -bound)
        torch._foreach_clamp_max_(parameters, bound)


def _without_autocast(device: torch.device) -> AbstractContextManager[object]:
    if not torch.amp.is_autocast_available(device.type):  # torch's meta device
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
