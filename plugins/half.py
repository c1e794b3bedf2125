"""Control: real training images of the first half of the classes: perfect quality, half of the variety.

It keeps the images that it is shown of the class numbers below ⌈K/2⌉ and replays them, as `memorizer` does. A metric of
variety that does not place it between nothing and the held-out real images measures something else; the classifier must
find about half of the classes. It is not told classes when it samples: those asked for would not all be there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor

from ganbench import GAN, Batch, DataSpec, ModelInfo, hookimpl
from ganbench.models import Memory, count
from ganbench.types import Options


class Half(GAN):
    """A memory of the classes with numbers below `num_kept`."""

    def __init__(self, spec: DataSpec, capacity: int, num_kept: int) -> None:
        super().__init__(Memory(spec, capacity), latent_dim=1, latent="uniform")
        self.num_kept = num_kept


@hookimpl
def ganbench_model() -> ModelInfo:
    """What this control is."""
    return ModelInfo(
        name="half",
        title="Half of the classes (control)",
        description="Replays training images of the first half of the classes.",
        min_classes=2,
        control=True,
        options={"capacity": 10_000},
        option_help={"capacity": "how many distinct training images are kept"},
    )


@hookimpl
def ganbench_build(spec: DataSpec, options: Options) -> Half:
    """An empty memory."""
    assert spec.num_classes is not None  # min_classes
    return Half(spec, count(options, "capacity"), (spec.num_classes + 1) // 2)


@hookimpl
def ganbench_train(gan: Half, batches: Iterator[Batch], step: int) -> Mapping[str, Tensor]:
    """Look at one batch."""
    batch = next(batches)
    assert batch.labels is not None  # min_classes
    gan.generator.store(batch.real, batch.labels < gan.num_kept)
    return {}


@hookimpl
def ganbench_sample(gan: Half, latents: Tensor, labels: Tensor | None) -> Tensor:
    """The stored images at the latents' places."""
    samples: Tensor = gan.generator(latents)
    return samples
