"""Drawing samples from a trained model: each from its own seed, in evaluation mode; images quantised once to uint8."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ganbench.data.pixels import to_uint8
from ganbench.models import GAN
from ganbench.registry import Variant
from ganbench.seeding import derive_seed, latents_for, preserved_rng, seed_everything
from ganbench.types import DataSpec, ImageSet, PointSet, SampleSet

INTERPOLATION_ROWS, INTERPOLATION_COLUMNS = 6, 9
BATCH_SIZE = 100  # fixed, so that no setting of the user's can change a sample

Labels = npt.NDArray[np.int64]
Progress = Callable[[int, int], None]


@contextmanager
def evaluation_mode(gan: GAN) -> Iterator[None]:
    """No gradients, evaluation mode, and the random generators untouched; each module gets its own mode back."""
    modes = [(module, module.training) for module in gan.modules()]
    gan.eval()
    try:
        with torch.no_grad(), preserved_rng(gan.device):
            yield
    finally:
        for module, training in modes:
            module.training = training


class Sampler:
    """Samples of one variant, by index: sample i of a seed is the same whatever else is drawn."""

    def __init__(self, variant: Variant, gan: GAN, spec: DataSpec, seed: int) -> None:
        self.variant, self.gan, self.spec, self.seed = variant, gan, spec, seed

    def latents(self, indices: range) -> Tensor:
        """Latents of the samples in `indices`, on the CPU."""
        return latents_for(indices, self.seed, self.gan.latent_dim, self.gan.latent)

    def generate(self, latents: Tensor, labels: Labels | None, first: int = 0) -> Tensor:
        """One batch of samples for `latents` [N, latent_dim], float32 on the model's device.

        A plugin that draws more noise while sampling gets a generator seeded by `first`, the first sample's index.
        """
        device = self.gan.device
        uses_labels = self.variant.info.uses_labels(self.spec)
        given = torch.from_numpy(labels).to(device) if uses_labels and labels is not None else None
        with evaluation_mode(self.gan):
            seed_everything(derive_seed("sampling", self.seed, first))
            return self.variant.sample_batch(self.gan, latents.to(device), given, self.spec.shape).float()

    def samples(
        self, name: str, num_samples: int, labels: Labels | None, progress: Progress | None = None
    ) -> SampleSet:
        """As many samples, with their labels, of the kind that the model was built for."""
        if self.spec.kind == "points":
            return PointSet(name, self.points(num_samples, labels, progress), labels)
        return ImageSet(name, self.images(num_samples, labels, progress), labels)

    def images(
        self, num_samples: int, labels: Labels | None, progress: Progress | None = None
    ) -> npt.NDArray[np.uint8]:
        """Images uint8 [num_samples, H, W, C]."""
        return np.concatenate([to_uint8(batch) for batch in self._batches(num_samples, labels, progress)])

    def points(
        self, num_samples: int, labels: Labels | None, progress: Progress | None = None
    ) -> npt.NDArray[np.float32]:
        """Points float32 [num_samples, D]."""
        return np.concatenate([batch.cpu().numpy() for batch in self._batches(num_samples, labels, progress)])

    def _batches(self, num_samples: int, labels: Labels | None, progress: Progress | None) -> Iterator[Tensor]:
        for start in range(0, num_samples, BATCH_SIZE):
            indices = range(start, min(start + BATCH_SIZE, num_samples))
            chosen = None if labels is None else labels[indices.start : indices.stop]
            yield self.generate(self.latents(indices), chosen, start)
            if progress is not None:
                progress(indices.stop, num_samples)


def proportional_labels(num_samples: int, shares: npt.NDArray[np.float64]) -> Labels:
    """Labels int64 [num_samples] with each class as near to its share as whole numbers allow, interleaved.

    Largest remainders get the places left over (Hamilton's method), so equal shares give equal counts.
    """
    exact = shares / shares.sum() * num_samples
    counts = np.floor(exact).astype(np.int64)
    order = np.argsort(-(exact - counts), kind="stable")
    counts[order[: num_samples - counts.sum()]] += 1
    places = [((np.arange(count) + 0.5) / count, np.full(count, label)) for label, count in enumerate(counts) if count]
    position = np.concatenate([where for where, _ in places])
    labels = np.concatenate([label for _, label in places])
    return labels[np.lexsort((labels, position))].astype(np.int64)


def slerp(start: Tensor, end: Tensor, fractions: Tensor) -> Tensor:
    """Spherical interpolation from `start` to `end` [D] at `fractions` [T] → [T, D] (Shoemake 1985; White 2016).

    The angle is taken between the directions, the length goes linearly from one to the other.
    """
    lengths = torch.lerp(start.norm(), end.norm(), fractions)[:, None]
    start, end = start / start.norm(), end / end.norm()
    angle = torch.arccos((start @ end).clamp(-1, 1))
    if angle < 1e-4:
        directions = torch.lerp(start[None], end[None], fractions[:, None])
    else:
        weights = torch.stack([torch.sin((1 - fractions) * angle), torch.sin(fractions * angle)], dim=1) / angle.sin()
        directions = weights @ torch.stack([start, end])
    return directions * lengths


def interpolation(sampler: Sampler, labels: Labels | None) -> Tensor:
    """Rows of samples between two latents each, float32 [ROWS * COLUMNS, ...]; a row keeps its label."""
    fractions = torch.linspace(0, 1, INTERPOLATION_COLUMNS)
    ends = sampler.latents(range(2 * INTERPOLATION_ROWS))
    path = torch.cat([slerp(ends[2 * row], ends[2 * row + 1], fractions) for row in range(INTERPOLATION_ROWS)])
    return sampler.generate(
        path, None if labels is None else np.repeat(labels[:INTERPOLATION_ROWS], INTERPOLATION_COLUMNS)
    )
