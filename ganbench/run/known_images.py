"""Images that are known by their place in a bank, so that features, classes and neighbours are looked up, not computed.

A fake generator that only gives out real images in another selection needs no network: what the extractor and the
classifier make of an image does not depend on the others. `KnownInputs` hands the metrics the very numbers that an
evaluation of these images would compute.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.features.classifier import Classifier
from ganbench.metrics.fid import GaussianStatistics
from ganbench.metrics.inputs import Arrays, MetricInputs, Neighbours
from ganbench.types import FeatureSet, ImageSet, ImageSource

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Bank:
    """Images with what networks say of each: features, the class that the classifier sees, the nearest training image.

    `predicted` is None where there are no labels to train a classifier on.
    """

    images: npt.NDArray[np.uint8]
    features: FeatureSet
    predicted: Rows | None
    neighbours: Neighbours

    def features_of(self, rows: Rows) -> FeatureSet:
        """Features, and logits where there are some, of these rows."""
        logits = self.features.logits
        return FeatureSet(self.features.features[rows], None if logits is None else logits[rows])

    def joined(self, other: Bank) -> Bank:
        """This bank's images, then the other's."""
        ours, theirs = self.features, other.features
        logits = None if ours.logits is None or theirs.logits is None else np.concatenate([ours.logits, theirs.logits])
        return Bank(
            np.concatenate([self.images, other.images]),
            FeatureSet(np.concatenate([ours.features, theirs.features]), logits),
            None if self.predicted is None or other.predicted is None else np.append(self.predicted, other.predicted),
            Neighbours(*(np.append(a, b) for a, b in zip(self.neighbours, other.neighbours, strict=True))),
        )

    def neighbours_of(self, rows: Rows) -> Neighbours:
        """The nearest training image of each of these rows."""
        return Neighbours(self.neighbours.indexes[rows], self.neighbours.distances[rows])


class Drawn:
    """An ImageSource: the `rows` of a bank, with the classes asked for. It remembers whether the labels were read."""

    fingerprint = None

    def __init__(
        self, name: str, bank: Bank, rows: Rows, labels: Rows | None = None, class_names: tuple[str, ...] = ()
    ) -> None:
        self.name, self.bank, self.rows, self.class_names = name, bank, rows, class_names
        self._labels = labels
        self.labels_read = False

    @property
    def labels(self) -> Rows | None:
        """Classes asked for."""
        self.labels_read = True
        return self._labels

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(N, H, W, C)."""
        _, height, width, channels = self.bank.images.shape
        return len(self.rows), height, width, channels

    @cached_property
    def sha256(self) -> str:
        """As of the same images in memory."""
        return ImageSet(self.name, self.take(np.arange(len(self)))).sha256

    def __len__(self) -> int:
        return len(self.rows)

    def batches(self, size: int) -> Iterator[npt.NDArray[np.uint8]]:
        """All images in order, uint8 [B, H, W, C]."""
        return (self.bank.images[self.rows[start : start + size]] for start in range(0, len(self), size))

    def take(self, indexes: Rows) -> npt.NDArray[np.uint8]:
        """The images of these indexes."""
        return self.bank.images[self.rows[indexes]]

    def subset(self, indexes: Rows) -> Drawn:
        """These images, with their labels."""
        labels = None if self._labels is None else self._labels[indexes]
        return Drawn(self.name, self.bank, self.rows[indexes], labels, self.class_names)


class KnownClassifier(Classifier):
    """A classifier that has seen every image of the banks before."""

    def predict(self, images: ImageSource) -> Rows:
        """The class it saw in each image, int64 [N]."""
        if isinstance(images, Drawn) and images.bank.predicted is not None:
            return images.bank.predicted[images.rows]
        return super().predict(images)


def known_classifier(classifier: Classifier, heldout: Drawn) -> KnownClassifier:
    """The same classifier with the classes that it sees looked up, tested on these labelled held-out images."""
    true, predicted, num_classes = heldout.labels, heldout.bank.predicted, classifier.num_classes
    assert true is not None
    assert predicted is not None
    seen = predicted[heldout.rows]
    confusion = np.bincount(true * num_classes + seen, minlength=num_classes**2).reshape(num_classes, num_classes)
    facts = vars(classifier) | {"confusion": confusion, "test_accuracy": float((seen == true).mean())}
    return KnownClassifier(**facts)


@dataclass
class Shared:
    """What does not change with the samples: computed once for all of them."""

    derived: dict[tuple[str, str], Arrays] = field(default_factory=dict)
    gaussian: GaussianStatistics | None = None


@dataclass(frozen=True)
class KnownInputs(MetricInputs):
    """Inputs of metrics whose images are all drawn from banks."""

    shared: Shared = field(default_factory=Shared)

    @cached_property
    def reference_gaussian(self) -> GaussianStatistics:
        """Fitted once, with its root."""
        if self.shared.gaussian is None:
            self.shared.gaussian = super().reference_gaussian
        return self.shared.gaussian

    @cached_property
    def neighbours(self) -> Neighbours:
        """Looked up: training images and images of a bank have one shape."""
        return _neighbours_of(self.images.samples)

    @cached_property
    def heldout_neighbours(self) -> Neighbours | None:
        """Looked up."""
        return None if self.images.heldout is None else _neighbours_of(self.images.heldout)


def known_inputs(images: Any, shared: Shared, no_logits: str) -> KnownInputs:
    """Inputs for metrics of these images, all of them drawn from banks."""

    def derived(source: ImageSource, name: str, compute: Any) -> Arrays:
        if source is not images.reference and source is not images.train:
            return dict(compute())  # of samples that no other measurement has
        key = (source.name, name)
        if key not in shared.derived:
            shared.derived[key] = compute()
        return shared.derived[key]

    return KnownInputs(images, _features_of, no_logits, derived, shared=shared)


def _features_of(images: ImageSource) -> FeatureSet:
    assert isinstance(images, Drawn)
    return images.bank.features_of(images.rows)


def _neighbours_of(images: ImageSource) -> Neighbours:
    assert isinstance(images, Drawn)
    return images.bank.neighbours_of(images.rows)
