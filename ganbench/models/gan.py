"""The GAN container: networks, optimisers and whatever else a variant keeps between steps."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from ganbench.types import OptionValue


class Update:
    """One step of an optimiser in the making: called with a loss (0-d), it adds that loss's gradients."""

    def __init__(self, optimizer: Optimizer) -> None:
        self._optimizer = optimizer
        self._parameters = [p for group in optimizer.param_groups for p in group["params"] if p.requires_grad]
        self._condition: Tensor | None = None

    def __call__(self, loss: Tensor) -> None:
        """Add the gradients of `loss` (0-d)."""
        torch.autograd.backward(loss, inputs=self._parameters)

    def only_if(self, condition: Tensor) -> None:
        """Take the step only where `condition` (0-d bool, on the device) holds; decided without waiting for it."""
        self._condition = condition

    def step(self) -> None:
        """The optimiser's step. One that is not taken leaves weights and optimiser state as they were."""
        if self._condition is None:
            self._optimizer.step()
            return
        before = {name: value.clone() for name, value in self._tensors().items()}
        self._optimizer.step()
        with torch.no_grad():
            for name, value in self._tensors().items():
                if value.device != self._condition.device:  # a step count that an unfused optimiser keeps on the host
                    continue
                old = before.get(name)  # state that this very step created began as zeros, as Adam's and RMSprop's does
                value.copy_(torch.where(self._condition, value, torch.zeros_like(value) if old is None else old))

    def _tensors(self) -> dict[tuple[int, str], Tensor]:
        """Parameters and their optimiser state, by the parameter's place and the name of the state."""
        found = {(i, ""): parameter.detach() for i, parameter in enumerate(self._parameters)}
        for i, parameter in enumerate(self._parameters):
            state = self._optimizer.state.get(parameter, {})
            found |= {(i, name): value for name, value in state.items() if isinstance(value, Tensor)}
        return found


class GAN(nn.Module):
    """Networks and optimisers of one variant; its state dict is all that a checkpoint needs.

    Args:
        generator: Any module, or None for a model that samples by other means.
        discriminator: Any module, or None.
        latent_dim: Length of one latent vector.
        latent: "normal" draws from N(0, 1), "uniform" from U(-1, 1).
        optimizers: By the name of the network they train: "generator", "discriminator".
        options: What `ganbench_build` was given, kept for the training hook. Not saved: the host builds with the same.

    More networks and buffers can be set as attributes, as on any module; they are saved too. `copy.deepcopy` gives an
    independent GAN whose optimisers train the copied networks. `progress` in [0, 1] is the share of the training budget
    that is spent, for variants that change as they train; the host sets it before each iteration.
    """

    generator: Any  # nn.Module or None; Any spares each plugin a check for None
    discriminator: Any
    _device_marker: Tensor

    def __init__(
        self,
        generator: nn.Module | None = None,
        discriminator: nn.Module | None = None,
        *,
        latent_dim: int,
        latent: Literal["normal", "uniform"] = "normal",
        optimizers: Mapping[str, Optimizer] | None = None,
        options: Mapping[str, OptionValue] | None = None,
    ) -> None:
        super().__init__()
        if latent not in ("normal", "uniform"):
            raise ValueError(f"latent must be 'normal' or 'uniform', got {latent!r}")
        self.generator = generator
        self.discriminator = discriminator
        self.latent_dim = latent_dim
        self.latent = latent
        self.optimizers: dict[str, Optimizer] = dict(optimizers or {})
        self.options: dict[str, OptionValue] = dict(options or {})
        self.progress = 0.0  # share of the training budget that is spent; the host keeps it up to date
        self.register_buffer("_device_marker", torch.empty(0), persistent=False)

    @property
    def device(self) -> torch.device:
        """Where this model lives; also right for a model without parameters."""
        return self._device_marker.device

    def sample_latents(self, num_samples: int) -> Tensor:
        """Fresh latents float32 [num_samples, latent_dim] on the model's device, from the global generator."""
        shape = (num_samples, self.latent_dim)
        if self.latent == "normal":
            return torch.randn(shape, device=self.device)
        return torch.rand(shape, device=self.device) * 2 - 1

    @contextmanager
    def update(self, network: str) -> Iterator[Update]:
        """One step of the optimiser called `network`, from the sum of the losses (0-d) backpropagated inside the block.

        Yields the function that backpropagates one loss. Its gradients are summed on the parameters of this optimiser
        and on no others, so that each network keeps the gradients of its own update::

            with gan.update("discriminator") as backward:
                backward(loss_on_real)
                backward(loss_on_fake)
        """
        optimizer = self.optimizers[network]
        optimizer.zero_grad(set_to_none=True)
        update = Update(optimizer)
        yield update
        update.step()
        torch.clear_autocast_cache()  # under autocast, the next pass would see the weights from before this step

    def minimize(self, network: str, loss: Tensor) -> None:
        """One step of the optimiser called `network` down `loss` (0-d); no other network's gradients are touched."""
        with self.update(network) as backward:
            backward(loss)

    def get_extra_state(self) -> dict[str, Any]:
        """The optimisers' states and the progress, so that `state_dict()` is complete."""
        states = {name: optimizer.state_dict() for name, optimizer in self.optimizers.items()}
        return {"optimizers": states, "progress": self.progress}

    def set_extra_state(self, state: dict[str, Any]) -> None:
        """Load what `get_extra_state` returned. Copied, since optimisers keep the very tensors that they are given."""
        self.progress = float(state["progress"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(copy.deepcopy(state["optimizers"][name]))
