"""Control: uniform noise. It learns nothing of the data's shape; whatever a metric says of it is that metric's floor.

A latent from U(-1, 1) with as many entries as a sample is that sample, so there are no networks. Pixels have that
range; points have one of their own, so there the noise fills the smallest box that holds the training points it was
shown.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

import torch
from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.types import Options


class Noise(GAN):
    """A model of nothing but the shape of its samples, and of the box that points lie in."""

    low: Tensor
    high: Tensor

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(latent_dim=math.prod(spec.shape), latent="uniform")
        self.shape, self.has_box = spec.shape, spec.kind == "points"
        if self.has_box:
            self.register_buffer("low", torch.full(spec.shape, math.inf))
            self.register_buffer("high", torch.full(spec.shape, -math.inf))

    @torch.no_grad()
    def see(self, points: Tensor) -> None:
        """Widen the box to hold points [N, D]."""
        self.low.copy_(torch.minimum(self.low, points.amin(dim=0)))
        self.high.copy_(torch.maximum(self.high, points.amax(dim=0)))

    def forward(self, latents: Tensor) -> Tensor:
        """Latents [N, latent_dim] in [-1, 1] → images, or points in the box; before any were seen, in [-1, 1]."""
        samples = latents.float().reshape(-1, *self.shape)
        if not self.has_box:
            return samples
        low, high = (torch.where(end.isfinite(), end, end.sign().neg()) for end in (self.low, self.high))
        return low + (samples + 1) / 2 * (high - low)


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this control is."""
    return ModelInfo(
        name="noise",
        title="Noise (control)",
        description="Each pixel drawn from U(-1, 1); points anywhere in the box of the data.",
        control=True,
        data_kinds=("image", "points"),
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """The shape is all there is."""
    return Noise(spec)


@hookimpl
def ganbench_train(gan: Noise, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """Take a batch, as any variant does, so that the budget is used up; of points, only the box is kept."""
    real = next(batches).real
    if gan.has_box:
        gan.see(real)
    return {}


@hookimpl
def ganbench_sample(gan: Noise, latents: Tensor, labels: Tensor | None) -> Tensor:
    """The latents in the shape of samples."""
    samples: Tensor = gan(latents)
    return samples
