"""The GAN container: networks, optimisers and whatever else a variant keeps between steps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class GAN(nn.Module):
    """Networks and optimisers of one variant; its state dict is all that a checkpoint needs.

    Args:
        generator: Any module, or None for a model that samples by other means.
        discriminator: Any module, or None.
        latent_dim: Length of one latent vector.
        latent: "normal" draws from N(0, 1), "uniform" from U(-1, 1).
        optimizers: By the name of the network they train: "generator", "discriminator".

    More networks and buffers can be set as attributes, as on any module; they are saved too.
    """

    def __init__(
        self,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        *,
        latent_dim: int,
        latent: Literal["normal", "uniform"] = "normal",
        optimizers: Mapping[str, Optimizer] | None = None,
    ) -> None:
        super().__init__()
        if latent not in ("normal", "uniform"):
            raise ValueError(f"latent must be 'normal' or 'uniform', got {latent!r}")
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.latent = latent
        self.optimizers: dict[str, Optimizer] = dict(optimizers or {})
        self.register_buffer("_device_marker", torch.empty(0), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where this model lives; also right for a model without parameters."""
        marker = self._device_marker
        assert isinstance(marker, Tensor)
        return marker.device

    def sample_latents(self, num_samples: int) -> Tensor:
        """Fresh latents float32 [num_samples, latent_dim] on the model's device, from the global generator."""
        shape = (num_samples, self.latent_dim)
        if self.latent == "normal":
            return torch.randn(shape, device=self.device)
        return torch.rand(shape, device=self.device) * 2 - 1

    def minimize(self, network: str, loss: Tensor) -> None:
        """One step of the optimiser called `network` down `loss` (0-d); gradients of that network are set anew."""
        optimizer = self.optimizers[network]
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()

    def get_extra_state(self) -> dict[str, Any]:
        """The optimisers' states, so that `state_dict()` is complete."""
        return {"optimizers": {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Load what `get_extra_state` returned."""
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
