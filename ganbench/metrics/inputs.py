"""What the metrics of one evaluation share: each intermediate result is computed once, when first asked for.

`ImageInputs` holds what does not depend on an extractor (images, labels, the classifier, LPIPS, the generator);
`MetricInputs` adds the features of one extractor and the neighbourhoods in them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.errors import WeightsError
from ganbench.metrics.fid import GaussianStatistics, fit_gaussian, gaussian
from ganbench.metrics.neighbours import BallCounts, Balls, ball_counts, nearest
from ganbench.protocols import Protocol, get_protocol
from ganbench.types import Dataset, DataSpec, FeatureSet, ImageSet, ImageSource, MetricUnavailableError

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench.features.classifier import Classifier
    from ganbench.features.lpips import LpipsDistance

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


class Generator(NamedTuple):
    """A trained generator: `sample(latents [N, D], labels [N] | None)` → images float32 [N, C, H, W] in [-1, 1].

    `draw_latents(n, seed)` draws from the model's own prior; `latent` is its name, "normal" or "uniform".
    """

    sample: Callable[[Tensor, Tensor | None], Tensor]
    draw_latents: Callable[[int, int], Tensor]
    latent: str
    num_classes: int | None


@dataclass(frozen=True)
class ImageInputs:
    """The images of one evaluation and what is known of them. What cannot be had raises MetricUnavailableError.

    `train` are the images that the model learnt from (the reference where no dataset is given), `heldout` real images
    that it has not seen, `dataset` what both come from, where they come from one.
    """

    samples: ImageSource
    reference: ImageSource
    train: ImageSource
    heldout: ImageSource | None = None
    dataset: Dataset | None = None
    train_classifier: Callable[[Dataset], Classifier] | None = None
    generator: Generator | None = None
    protocol: Protocol = field(default_factory=lambda: get_protocol("ganbench-v1"))
    device: str = "cpu"
    seed: int = 0

    def require_equal_shapes(self, purpose: str) -> None:
        """Raise MetricUnavailableError unless samples and training images have one shape."""
        samples, train = self.samples.shape[1:], self.train.shape[1:]
        if samples != train:
            raise MetricUnavailableError(
                f"{purpose}: samples are {describe_shape(samples)} and training images {describe_shape(train)}; "
                "both must have one shape: resize one of them"
            )

    @cached_property
    def lpips_distance(self) -> LpipsDistance:
        """The LPIPS network with the AlexNet trunk."""
        from ganbench.features.lpips import LpipsDistance  # noqa: PLC0415  # torch only when used

        try:
            return LpipsDistance(self.device)
        except WeightsError as error:
            raise MetricUnavailableError(str(error)) from error

    @cached_property
    def lpips_resolution(self) -> int | None:
        """The resolution to which LPIPS enlarges these images first, or None where it takes them as they are."""
        from ganbench.features.lpips import MIN_RESOLUTION  # noqa: PLC0415  # torch only when used

        return MIN_RESOLUTION if min(self.samples.shape[1:3]) < MIN_RESOLUTION else None

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier trained on the dataset's labels."""
        self.require_equal_shapes("the classifier")
        if self.train_classifier is None:
            raise MetricUnavailableError("no classifier can be trained in this evaluation")
        return self.train_classifier(self.labelled)

    @cached_property
    def labelled(self) -> Dataset:
        """The labelled real images: the dataset, or one made of a labelled reference (`dataset_of`)."""
        dataset = self.dataset or dataset_of(self.reference, self.heldout, self.seed)
        if dataset is None or dataset.train.labels is None:
            raise MetricUnavailableError(
                "the real images have no labels, so no classifier can be trained: name a labelled dataset, or put the "
                "images into one folder a class"
            )
        return dataset

    @cached_property
    def predicted(self) -> npt.NDArray[np.int64]:
        """The class that the classifier puts each sample into, int64 [N]."""
        return self.classifier.predict(self.samples)

    @cached_property
    def predicted_counts(self) -> npt.NDArray[np.int64]:
        """How many samples the classifier puts into each class, int64 [K]."""
        return np.bincount(self.predicted, minlength=self.classifier.num_classes)

    @cached_property
    def real_shares(self) -> npt.NDArray[np.float64]:
        """Share of each class among the real training labels, float64 [K]."""
        assert self.labelled.train.labels is not None  # `labelled` saw to it
        counts = np.bincount(self.labelled.train.labels, minlength=self.classifier.num_classes)
        return np.asarray(counts / counts.sum())

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classifier's classes; their numbers where the dataset gives none."""
        return self.labelled.class_names or tuple(str(i) for i in range(self.classifier.num_classes))


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
        indexes, parts, start = self.neighbours.indexes, [], 0
        for batch in self.images.samples.batches(_LPIPS_BATCH):
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


def dataset_of(reference: ImageSource, heldout: ImageSource | None, seed: int) -> Dataset | None:
    """A dataset made from a labelled reference: its own held-out images test the classifier, else a random fifth."""
    labels = reference.labels
    if labels is None or len(reference) < 10:
        return None
    _, height, _, channels = reference.shape
    spec = DataSpec("image", channels, height, num_classes=int(labels.max()) + 1)
    if heldout is not None and heldout.labels is not None and heldout.shape[1:] == reference.shape[1:]:
        train, test = reference, heldout
    else:
        order = np.random.default_rng(seed).permutation(len(reference))
        train, test = reference.subset(order[len(order) // 5 :]), reference.subset(order[: len(order) // 5])
    return Dataset(reference.name, spec, in_memory(train), in_memory(test), reference.class_names)


def in_memory(images: ImageSource) -> ImageSet:
    """All images of a source at once."""
    if isinstance(images, ImageSet):
        return images
    return ImageSet(images.name, images.take(np.arange(len(images))), images.labels, images.class_names)


def describe_shape(shape: tuple[int, ...]) -> str:
    """(28, 28, 1) → '28 x 28 grey'."""
    return f"{shape[0]} x {shape[1]} {'grey' if shape[2] == 1 else 'RGB'}"
