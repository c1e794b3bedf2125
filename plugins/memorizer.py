"""Control: replays the training samples that it was shown. Its scores show what a metric that ignores copying praises.

It keeps the first `capacity` distinct samples, to the bit, and never learns anything else. A sample's latent is one
number from U(-1, 1), scaled to the place in the memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import Memory, count
from ganbench.types import Options


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
