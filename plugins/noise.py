"""Control: uniform noise. It learns nothing; whatever a metric says of it is that metric's floor.

A latent from U(-1, 1) with as many entries as a sample is that sample, so there are no networks.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.types import Options


class Noise(GAN):
    """A model of nothing but the shape of its samples."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__(latent_dim=math.prod(shape), latent="uniform")
        self.shape = shape


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this control is."""
    return ModelInfo(
        name="noise",
        title="Noise (control)",
        description="Each pixel or coordinate drawn from U(-1, 1).",
        control=True,
        data_kinds=("image", "points"),
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> GAN:
    """The shape is all there is."""
    return Noise(spec.shape)


@hookimpl
def ganbench_train(gan: Noise, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """Take a batch, as any variant does, so that the budget is used up; there is nothing to learn."""
    next(batches)
    return {}


@hookimpl
def ganbench_sample(gan: Noise, latents: Tensor, labels: Tensor | None) -> Tensor:
    """The latents in the shape of samples."""
    return latents.float().reshape(-1, *gan.shape)
