"""What the metrics of one evaluation share: each intermediate result is computed once, when first asked for.

`ImageInputs` (in `image_inputs`) holds what does not depend on an extractor; `MetricInputs` adds the features of one
extractor and the neighbourhoods in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.fid import GaussianStatistics, fit_gaussian, gaussian
from ganbench.metrics.image_inputs import ImageInputs
from ganbench.metrics.ndb import Bins, place_in_bins
from ganbench.metrics.neighbours import BallCounts, Balls, ball_counts, nearest
from ganbench.protocols import Protocol
from ganbench.types import FeatureSet, ImageSource

NO_LOGITS = "the extractor has no class logits; choose one that has, such as inception"
Arrays = Mapping[str, npt.NDArray[Any]]
_LPIPS_BATCH = 256  # images in memory at a time
MAX_K = 5  # the largest neighbourhood that a built-in metric asks for: one search serves all


class Neighbours(NamedTuple):
    """Each sample's nearest training image: `indexes` int64 [N], Euclidean feature `distances` float64 [N]."""

    indexes: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float64]


class Manifolds(NamedTuple):
    """Counts of samples (a) and reference images (b) in neighbourhoods: `reference` and `samples` for precision and
    recall, `density` for density and coverage.
    """

    reference: BallCounts
    samples: BallCounts
    density: BallCounts


@dataclass(frozen=True)
class MetricInputs:
    """The features of one extractor for the images of one evaluation, each extracted when first asked for.

    `features_of(images)` gives the features of a source by this extractor; `no_logits` says why there are no logits and
    what to do; `derived(images, name, compute)` gives arrays that depend on the features of `images` alone, from the
    disk where they were computed before.
    """

    images: ImageInputs
    features_of: Callable[[ImageSource], FeatureSet]
    no_logits: str = NO_LOGITS
    derived: Callable[[ImageSource, str, Callable[[], Arrays]], Arrays] = lambda images, name, compute: compute()
    _sample_radii: dict[int, npt.NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False)

    @property
    def protocol(self) -> Protocol:
        """The settings in which protocols differ."""
        return self.images.protocol

    @property
    def seed(self) -> int:
        """Of whatever a metric draws."""
        return self.images.seed

    @cached_property
    def samples(self) -> FeatureSet:
        """Features of the samples."""
        return self.features_of(self.images.samples)

    @cached_property
    def reference(self) -> FeatureSet:
        """Features of the reference."""
        return self.features_of(self.images.reference)

    @cached_property
    def train(self) -> FeatureSet:
        """Features of the training images."""
        return self.features_of(self.images.train)

    @cached_property
    def heldout(self) -> FeatureSet | None:
        """Features of the held-out images, or None where there are none."""
        return self.features_of(self.images.heldout) if self.images.heldout is not None else None

    def reference_radii(self, k: int) -> npt.NDArray[np.float64]:
        """Squared distance of each reference image to its k-th nearest other one, float64 [M]."""
        return self._kept_radii(self.images.reference, k)

    def train_radii(self, k: int) -> npt.NDArray[np.float64]:
        """Squared distance of each training image to its k-th nearest other one, float64 [M]."""
        return self._kept_radii(self.images.train, k)

    def sample_radii(self, k: int) -> npt.NDArray[np.float64]:
        """Squared distance of each sample to its k-th nearest other one, float64 [N]."""
        if k not in self._sample_radii:
            self._sample_radii[k] = self._self_distances(self.images.samples, k)[:, k]
        return self._sample_radii[k]

    @cached_property
    def manifolds(self) -> Manifolds:
        """Who lies in whose neighbourhood, with the protocol's k (or as many others as there are): one pass for all."""
        protocol, num_samples, num_reference = self.protocol, len(self.samples.features), len(self.reference.features)
        reference_radii = self.reference_radii(min(protocol.manifold_k, num_reference - 1))
        sample_radii = self.sample_radii(min(protocol.manifold_k, num_samples - 1))
        families = [
            Balls("b", reference_radii, protocol.manifold_surface),
            Balls("a", sample_radii, protocol.manifold_surface),
            Balls("b", self.reference_radii(min(protocol.density_k, num_reference - 1)), "<"),
        ]
        return Manifolds(*ball_counts(self.samples.features, self.reference.features, families))

    @cached_property
    def samples_gaussian(self) -> GaussianStatistics:
        """Mean and covariance of the samples' features."""
        return fit_gaussian(self.samples.features)

    @cached_property
    def reference_gaussian(self) -> GaussianStatistics:
        """Mean and covariance of the reference's features."""
        features = self.reference.features
        if len(features) <= features.shape[1]:
            return fit_gaussian(features)  # quicker than reading it

        def fit() -> Arrays:
            mean, covariance = gaussian(features)
            return {"mean": mean, "covariance": covariance}

        kept = self.derived(self.images.reference, "gaussian", fit)
        return GaussianStatistics(kept["mean"], kept["covariance"])

    @cached_property
    def bins(self) -> Bins:
        """The bins of NDB: kinds of training images, and which of them each sample falls into."""
        return place_in_bins(self.samples.features, self.train.features, self.seed)

    @cached_property
    def neighbours(self) -> Neighbours:
        """Each sample's nearest training image. The images must have one shape, so that people can compare them."""
        self.images.require_equal_shapes("nearest training images")
        return self._nearest_training(self.samples)

    @cached_property
    def heldout_neighbours(self) -> Neighbours | None:
        """Each held-out image's nearest training image, or None without held-out images."""
        return None if self.heldout is None else self._nearest_training(self.heldout)

    @cached_property
    def neighbour_lpips(self) -> npt.NDArray[np.float32]:
        """LPIPS distance of each sample to its nearest training image, float32 [N]."""
        return self._lpips_to_training(self.images.samples, self.neighbours.indexes)

    def heldout_lpips(self, most: int) -> npt.NDArray[np.float32] | None:
        """The same of held-out images, `most` of them drawn by the seed; None without any of the training's shape."""
        heldout, found = self.images.heldout, self.heldout_neighbours
        if heldout is None or found is None or heldout.shape[1:] != self.images.train.shape[1:]:
            return None
        chosen = np.sort(np.random.default_rng(self.seed).permutation(len(heldout))[:most])
        return self._lpips_to_training(heldout.subset(chosen), found.indexes[chosen])

    def _lpips_to_training(self, images: ImageSource, indexes: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
        parts, start = [], 0
        for batch in images.batches(_LPIPS_BATCH):
            train = self.images.train.take(indexes[start : start + len(batch)])
            parts.append(self.images.lpips_distance(batch, train))
            start += len(batch)
        return np.concatenate(parts)

    def _nearest_training(self, features: FeatureSet) -> Neighbours:
        squared, indexes = nearest(features.features, self.train.features, 1, self.images.device)
        return Neighbours(indexes[:, 0], np.sqrt(squared[:, 0]))

    def _kept_radii(self, images: ImageSource, k: int) -> npt.NDArray[np.float64]:
        """Of real images: one search for all k up to MAX_K, kept beside their features."""
        width = max(k, MAX_K)
        kept = self.derived(images, f"self-distances-{width}", lambda: {"squared": self._self_distances(images, width)})
        return np.asarray(kept["squared"][:, k])

    def _self_distances(self, images: ImageSource, k: int) -> npt.NDArray[np.float64]:
        """Squared distances of each image to itself and its k nearest others (or all there are), [N, k + 1]."""
        features = self.features_of(images).features
        return nearest(features, features, min(k + 1, len(features)), self.images.device)[0]
