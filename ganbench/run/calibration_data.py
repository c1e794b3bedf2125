"""The real samples of a calibration: training images, held-out images, and a pool that fake generators draw from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ganbench.data.sources import in_memory
from ganbench.errors import UsageError
from ganbench.run.faults import Deal, Rows, Samples
from ganbench.types import AnyDataset, DataKind, Mixture, PointDataset

MAX_REFERENCE = 5000  # training images, and as many held out: a fifth of the data each where that is less
POOL_PER_SAMPLE = 6  # new real samples for each sample of the largest set, at most


@dataclass(frozen=True)
class RealData:
    """Real samples with their classes (for points: modes), in the order of the seed: reference, held-out, then pool."""

    name: str
    kind: DataKind
    samples: Samples
    classes: Rows | None
    class_names: tuple[str, ...]
    sha256: str
    num_reference: int
    num_heldout: int
    mixture: Mixture | None = None

    @property
    def reference(self) -> Rows:
        """What models learn from."""
        return np.arange(self.num_reference)

    @property
    def heldout(self) -> Rows:
        """Real samples that are compared with."""
        return np.arange(self.num_reference, self.num_reference + self.num_heldout)

    @property
    def pool(self) -> Rows:
        """What fake generators draw from."""
        return np.arange(self.num_reference + self.num_heldout, len(self.samples))

    @cached_property
    def num_classes(self) -> int:
        """How many classes or modes there are; 0 without labels."""
        return 0 if self.classes is None else len(np.unique(self.classes))

    def deal(self, num_samples: int, seed: int) -> Deal:
        """What the fake generator of a seed draws from: disjoint sets as long as the pool gives them.

        Faults that take some classes more often read on into the next sets: the fewer classes are left, the more of
        two sets is the same.
        """
        sets = max(len(self.pool) // num_samples, 1)
        shuffles, place = divmod(seed, sets)
        pool = np.random.default_rng([shuffles, len(self.pool)]).permutation(self.pool) if shuffles else self.pool
        return Deal(np.roll(pool, -place * num_samples), self.reference, num_samples, self.classes)


def title_of(text: str) -> str:
    """`npz:data/mnist-70k.npz` → `mnist-70k`: no folder of this machine goes into the results."""
    return Path(text.partition(":")[2]).stem if ":" in text else text


def divide(dataset: AnyDataset, name: str, most_samples: int, seed: int) -> RealData:
    """All labelled samples of both splits, put in an order by the seed: reference, held-out, pool."""
    samples, classes, mixture = _together(dataset)
    order = np.random.default_rng(seed).permutation(len(samples))
    fifth = min(MAX_REFERENCE, len(order) // 5)
    order = order[: 2 * fifth + POOL_PER_SAMPLE * most_samples]
    classes, names = None if classes is None else classes[order], tuple(dataset.class_names)
    chosen = np.ascontiguousarray(samples[order])
    return RealData(name, dataset.spec.kind, chosen, classes, names, dataset.sha256, fifth, fifth, mixture)


def _together(dataset: AnyDataset) -> tuple[Samples, Rows | None, Mixture | None]:
    """Both splits as one array with the classes of each sample; of points, the mode that each is nearest to."""
    if isinstance(dataset, PointDataset):
        points = np.concatenate([dataset.train.points, dataset.test.points])
        if dataset.mixture is None:
            return points, None, None
        distances = np.linalg.norm(points[:, None].astype(np.float64) - dataset.mixture.centres, axis=2)
        return points, distances.argmin(axis=1), dataset.mixture
    if dataset.channels_of is not None:
        raise UsageError(f"{dataset.name}: images made of several others cannot be calibrated on; choose other data.")
    splits = [in_memory(split) for split in (dataset.train, dataset.test)]
    images: npt.NDArray[np.uint8] = np.concatenate([split.images for split in splits])
    labels = [split.labels for split in splits if split.labels is not None]
    return images, np.concatenate(labels) if len(labels) == len(splits) else None, None
