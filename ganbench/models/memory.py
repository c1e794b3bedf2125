"""A store of the real samples that were shown, for the controls that replay them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ganbench.types import DataSpec


class Memory(nn.Module):
    """Distinct samples in the order of arrival. The last row is a spare one: what is not kept is written there.

    Images are held as uint8, which is how datasets hold them, so nothing is lost. Two samples are the same when a
    64-bit hash of their bytes is: a random linear form over the integers, which wrap around, so the order of summation
    does not matter. No step waits for the device.
    """

    samples: Tensor
    keys: Tensor
    key_weights: Tensor
    count: Tensor

    def __init__(self, spec: DataSpec, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.quantised = spec.kind == "image"
        dtype = torch.uint8 if self.quantised else torch.float32
        self.register_buffer("samples", torch.zeros(capacity + 1, *spec.shape, dtype=dtype))
        num_bytes = self.samples[0].numel() * self.samples.element_size()
        self.register_buffer("keys", torch.zeros(capacity + 1, dtype=torch.int64))
        self.register_buffer("key_weights", torch.randint(-(2**62), 2**62, (num_bytes,)))
        self.register_buffer("count", torch.zeros((), dtype=torch.int64))

    @torch.no_grad()
    def store(self, real: Tensor, wanted: Tensor | None = None) -> None:
        """Keep those of [N, ...] in [-1, 1] that are new, and `wanted` (bool [N]), as long as there is room."""
        samples = (real * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8) if self.quantised else real.float()
        keys = (samples.flatten(1).contiguous().view(torch.uint8).long() * self.key_weights).sum(1)
        taken = torch.arange(self.capacity + 1, device=keys.device) < self.count
        known = ((keys[:, None] == self.keys) & taken).any(1)
        earlier = (keys[:, None] == keys).tril(-1).any(1)
        new = ~(known | earlier)
        if wanted is not None:
            new &= wanted
        places = torch.where(new, self.count + new.cumsum(0) - 1, self.capacity).clamp(max=self.capacity)
        self.samples.index_copy_(0, places, samples)
        self.keys.index_copy_(0, places, keys)
        self.count.copy_((self.count + new.sum()).clamp(max=self.capacity))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents [N, 1] in [-1, 1] → samples [N, ...]; as long as nothing is stored, zeros (black images)."""
        places = ((latents[:, 0].double() + 1) / 2 * self.count).long().minimum(self.count - 1).clamp(min=0)
        chosen = self.samples[places].float()
        return chosen / 127.5 - 1 if self.quantised else chosen
