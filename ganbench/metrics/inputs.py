"""What the metrics of one evaluation share: each intermediate result is computed once, when first asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.errors import WeightsError
from ganbench.metrics.neighbours import ball_counts, nearest
from ganbench.types import Dataset, FeatureSet, ImageSet, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.features.classifier import Classifier
    from ganbench.features.lpips import LpipsDistance

MAX_K = 5  # the largest neighbourhood that a built-in metric asks for: one search serves all


class Neighbours(NamedTuple):
    """Each sample's nearest training image: `indexes` int64 [N], Euclidean feature `distances` float64 [N]."""

    indexes: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float64]


@dataclass(frozen=True)
class MetricInputs:
    """Samples and reference of one evaluation, with what metrics derive from them.

    `train` are the images that the model learnt from (the reference where no dataset is given), `dataset` the labelled
    images for the classifier. What cannot be had raises MetricUnavailableError with the reason.
    """

    samples: FeatureSet
    reference: FeatureSet
    train: FeatureSet
    sample_images: ImageSet
    train_images: ImageSet
    heldout: FeatureSet | None = None
    dataset: Dataset | None = None
    train_classifier: Callable[[Dataset], Classifier] | None = None
    device: str = "cpu"
    seed: int = 0
    _self_distances: dict[str, npt.NDArray[np.float64]] = field(default_factory=dict, init=False, repr=False)
    _balls: dict[int, tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]] = field(
        default_factory=dict, init=False, repr=False
    )

    def reference_radii(self, k: int) -> npt.NDArray[np.float64]:
        """Squared distance of each reference image to its k-th nearest other one, float64 [M]."""
        return self._radii("reference", self.reference, k)

    def sample_radii(self, k: int) -> npt.NDArray[np.float64]:
        """Squared distance of each sample to its k-th nearest other one, float64 [N]."""
        return self._radii("samples", self.samples, k)

    def reference_balls(self, k: int) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Balls of the reference (surface outside) that hold each sample [N], and samples in each ball [M]."""
        if k not in self._balls:
            centres = self.reference.features
            counts = ball_counts(self.samples.features, centres, self.reference_radii(k), inclusive=False)
            self._balls[k] = counts
        return self._balls[k]

    @cached_property
    def neighbours(self) -> Neighbours:
        """Each sample's nearest training image. The images must have one shape, so that people can compare them."""
        self._require_equal_shapes("nearest training images")
        squared, indexes = nearest(self.samples.features, self.train.features, 1)
        return Neighbours(indexes[:, 0], np.sqrt(squared[:, 0]))

    @cached_property
    def heldout_distances(self) -> npt.NDArray[np.float64] | None:
        """Feature distance of each held-out image to its nearest training image, or None without held-out images."""
        if self.heldout is None:
            return None
        return np.sqrt(nearest(self.heldout.features, self.train.features, 1)[0][:, 0])

    @cached_property
    def neighbour_lpips(self) -> npt.NDArray[np.float32]:
        """LPIPS distance of each sample to its nearest training image, float32 [N]."""
        indexes = self.neighbours.indexes
        return self.lpips_distance(self.sample_images.images, self.train_images.images[indexes])

    @cached_property
    def lpips_distance(self) -> LpipsDistance:
        """The LPIPS network."""
        from ganbench.features.lpips import LpipsDistance  # noqa: PLC0415  # torch only when used

        try:
            return LpipsDistance(self.device)
        except WeightsError as error:
            raise MetricUnavailableError(str(error)) from error

    @cached_property
    def lpips_resolution(self) -> int | None:
        """The resolution to which LPIPS enlarges these images first, or None where it takes them as they are."""
        from ganbench.features.lpips import MIN_RESOLUTION  # noqa: PLC0415  # torch only when used

        return MIN_RESOLUTION if min(self.sample_images.images.shape[1:3]) < MIN_RESOLUTION else None

    @cached_property
    def classifier(self) -> Classifier:
        """The classifier trained on the dataset's labels."""
        self._require_equal_shapes("the classifier")
        if self.dataset is None or self.dataset.train.labels is None or self.train_classifier is None:
            raise MetricUnavailableError("the real images have no labels, so no classifier can be trained")
        return self.train_classifier(self.dataset)

    @cached_property
    def predicted_counts(self) -> npt.NDArray[np.int64]:
        """How many samples the classifier puts into each class, int64 [K]."""
        predicted = self.classifier.predict(self.sample_images.images)
        return np.bincount(predicted, minlength=self.classifier.num_classes)

    @cached_property
    def real_shares(self) -> npt.NDArray[np.float64]:
        """Share of each class among the real training labels, float64 [K]."""
        num_classes = self.classifier.num_classes
        assert self.dataset is not None and self.dataset.train.labels is not None  # classifier saw to it
        counts = np.bincount(self.dataset.train.labels, minlength=num_classes)
        return np.asarray(counts / counts.sum())

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; their numbers where the dataset gives none."""
        assert self.dataset is not None  # asked for only after `classifier`
        return self.dataset.class_names or tuple(str(i) for i in range(self.classifier.num_classes))

    def _radii(self, name: str, features: FeatureSet, k: int) -> npt.NDArray[np.float64]:
        width = min(max(k, MAX_K) + 1, len(features.features))
        known = self._self_distances.get(name)
        if known is None or known.shape[1] <= k:
            known = self._self_distances[name] = nearest(features.features, features.features, width)[0]
        return known[:, k]

    def _require_equal_shapes(self, purpose: str) -> None:
        samples, train = self.sample_images.images.shape[1:], self.train_images.images.shape[1:]
        if samples != train:
            raise MetricUnavailableError(
                f"{purpose}: samples are {describe_shape(samples)} and training images {describe_shape(train)}; "
                "both must have one shape: resize one of them"
            )


def describe_shape(shape: tuple[int, ...]) -> str:
    """(28, 28, 1) → '28 x 28 grey'."""
    return f"{shape[0]} x {shape[1]} {'grey' if shape[2] == 1 else 'RGB'}"
