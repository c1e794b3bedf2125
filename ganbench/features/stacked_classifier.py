"""The class of images whose channels are images themselves, such as stacked digits: one classifier for each channel.

As in the published counts of modes (Srivastava et al. 2017, arXiv:1705.07761; Lin et al. 2018, arXiv:1712.04086), the
classifier is one of grey digits, and the three digits that it sees make the class. Channels are drawn independently, so
are its errors: an image is recognised with the product of the chances of its channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, reduce
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.features.classifier import Classifier, Progress, trained_classifier
from ganbench.types import Dataset, ImageSet, ImageSource

_CHANNELS_AT_ONCE = 4096  # images in memory beside the source


@dataclass(frozen=True)
class StackedClassifier:
    """`ganbench.features.classifier.Classifier` of images [N, H, W, `num_channels`], from one of grey images."""

    grey: Classifier
    num_channels: int = 3

    @property
    def num_classes(self) -> int:
        """All combinations of the channels' classes."""
        return int(self.grey.num_classes**self.num_channels)

    @property
    def test_accuracy(self) -> float:
        """Share of held-out images all of whose channels it recognises."""
        return float(self.grey.test_accuracy**self.num_channels)

    @property
    def sha256(self) -> str:
        """Of the weights."""
        return self.grey.sha256

    @property
    def facts(self) -> dict[str, Any]:
        """What stands beside each number that comes from it."""
        whole = {"classifier_test_accuracy": self.test_accuracy, "classifier_sha256": self.sha256}
        shape = [self.grey.num_classes] * self.num_channels
        return {**whole, "channel_test_accuracy": self.grey.test_accuracy, "stack_shape": shape}

    @cached_property
    def confusion(self) -> npt.NDArray[np.float64]:
        """Held-out images by class (row) and predicted class (column), [num_classes, num_classes].

        As many images a class as the channel's rarest class has: its errors are not known better than by those.
        """
        return self._combined(0.0) * self._num_heldout

    @cached_property
    def prior(self) -> npt.NDArray[np.float64]:
        """One image more a class, so that each channel's errors may be other than seen; all at once are as rare as that
        makes them. Added to `confusion`, it gives the channels' errors with one more image each, spread evenly."""
        return self._combined(1.0) * (self._num_heldout + 1) - self.confusion

    @property
    def _num_heldout(self) -> float:
        return float(self.grey.confusion.sum(axis=1).min())

    def _combined(self, more: float) -> npt.NDArray[np.float64]:
        """Rates of all combinations of errors, from each channel's with `more` images a class, spread evenly."""
        counts = self.grey.confusion + more / self.grey.num_classes
        totals = counts.sum(axis=1, keepdims=True)
        rates = np.divide(counts, totals, out=np.eye(len(counts)), where=totals > 0)
        return np.asarray(reduce(np.kron, [rates] * self.num_channels))

    def predict(self, images: ImageSource) -> npt.NDArray[np.int64]:
        """The most likely class of each image, int64 [N]."""
        weights = self.grey.num_classes ** np.arange(self.num_channels)[::-1]
        parts = [weights @ np.stack([self.grey.predict(channel) for channel in split]) for split in self._split(images)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def probabilities(self, images: ImageSource) -> npt.NDArray[np.float32]:
        """How likely it takes each class to be for each image, float32 [N, num_classes]; rows sum to 1."""
        parts = [reduce(_products, map(self.grey.probabilities, channels)) for channels in self._split(images)]
        return np.concatenate(parts)

    def _split(self, images: ImageSource) -> Iterator[list[ImageSet]]:
        """Batches of images, each as one set of grey images a channel."""
        for batch in images.batches(_CHANNELS_AT_ONCE):
            yield [ImageSet(images.name, np.ascontiguousarray(batch[..., c : c + 1])) for c in range(self.num_channels)]


AnyClassifier = Classifier | StackedClassifier


def classifier_of(
    dataset: Dataset, cache_root: Path | None, device: str = "cpu", progress: Progress | None = None
) -> AnyClassifier:
    """The classifier of this dataset, channel by channel where it is stacked; else as `trained_classifier`."""
    if dataset.channels_of is None:
        return trained_classifier(dataset, cache_root, device, progress)
    grey = trained_classifier(dataset.channels_of, cache_root, device, progress)
    return StackedClassifier(grey, dataset.spec.channels)


def _products(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """[N, A] and [N, B] → [N, A · B]."""
    return np.asarray(np.einsum("na,nb->nab", first, second).reshape(len(first), -1))
