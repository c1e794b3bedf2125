"""Control: replays the training samples that it was shown. Its scores show what a metric that ignores copying praises.

It keeps the first `capacity` distinct samples, images as uint8 (which is how datasets hold them, so nothing is lost),
and never learns anything else. A sample's latent is one number from U(-1, 1), scaled to the place in the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
from torch import Tensor, nn

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import count
from ganbench.types import Options


class Memory(nn.Module):
    """Distinct samples in the order of arrival. The last row is a spare one: what is not kept is written there.

    Two samples are the same when a 64-bit hash of their bytes is: a random linear form over the integers, which wrap
    around, so the order of summation does not matter. No step waits for the device.
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
    def store(self, real: Tensor) -> None:
        """Keep those of [N, ...] in [-1, 1] that are new, as long as there is room."""
        samples = (real * 127.5 + 127.5).round().clamp(0, 255).to(torch.uint8) if self.quantised else real.float()
        keys = (samples.flatten(1).contiguous().view(torch.uint8).long() * self.key_weights).sum(1)
        taken = torch.arange(self.capacity + 1, device=keys.device) < self.count
        known = ((keys[:, None] == self.keys) & taken).any(1)
        earlier = (keys[:, None] == keys).tril(-1).any(1)
        new = ~(known | earlier)
        places = torch.where(new, self.count + new.cumsum(0) - 1, self.capacity).clamp(max=self.capacity)
        self.samples.index_copy_(0, places, samples)
        self.keys.index_copy_(0, places, keys)
        self.count.copy_((self.count + new.sum()).clamp(max=self.capacity))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents [N, 1] in [-1, 1] → samples [N, ...]; as long as nothing is stored, zeros (black images)."""
        places = ((latents[:, 0].double() + 1) / 2 * self.count).long().minimum(self.count - 1).clamp(min=0)
        chosen = self.samples[places].float()
        return chosen / 127.5 - 1 if self.quantised else chosen


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this control is."""
    return ModelInfo(
        name="memorizer",
        title="Memorizer (control)",
        description="Replays training samples.",
        control=True,
        data_kinds=("image", "points"),
        options={"capacity": 10_000},
        option_help={"capacity": "how many distinct training samples are kept"},
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """An empty memory."""
    return GAN(Memory(spec, count(options, "capacity")), latent_dim=1, latent="uniform")


@hookimpl
def ganbench_train(gan: GAN, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """Look at one batch."""
    gan.generator.store(next(batches).real)
    return {}


@hookimpl
def ganbench_sample(gan: GAN, latents: Tensor, labels: Tensor | None) -> Tensor:
    """The stored samples at the latents' places."""
    samples: Tensor = gan.generator(latents)
    return samples
