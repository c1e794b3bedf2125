"""The images of one evaluation and what is derived from them without an extractor: classes, LPIPS, the generator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.data.sources import relabelled
from ganbench.errors import WeightsError
from ganbench.metrics.class_labels import renumber
from ganbench.protocols import Protocol, get_protocol
from ganbench.types import Dataset, DataSpec, ImageSource, MetricUnavailableError

if TYPE_CHECKING:
    from torch import Tensor

    from ganbench.features.lpips import LpipsDistance
    from ganbench.features.stacked_classifier import AnyClassifier


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
    train_classifier: Callable[[Dataset], AnyClassifier] | None = None
    generator: Generator | None = None
    protocol: Protocol = field(default_factory=lambda: get_protocol("ganbench-v1"))
    device: str = "cpu"
    seed: int = 0

    def require_equal_shapes(self, purpose: str) -> None:
        """Raise MetricUnavailableError unless samples and training images have one shape."""
        samples, train = self.samples.shape[1:], self.train.shape[1:]
        if samples != train:
            remedy = "resize one of them" if samples[:2] != train[:2] else "make both grey or both RGB"
            raise MetricUnavailableError(
                f"{purpose}: samples are {describe_shape(samples)} and training images {describe_shape(train)}; "
                f"both must have one shape: {remedy}"
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
    def classifier(self) -> AnyClassifier:
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


def dataset_of(reference: ImageSource, heldout: ImageSource | None, seed: int) -> Dataset | None:
    """A dataset made from a labelled reference: its own held-out images test the classifier, else a random fifth.

    None where the reference has no labels. Raises MetricUnavailableError where the held-out images have classes that
    the reference has not.
    """
    if reference.labels is None or len(reference) < 10:
        return None
    _, height, _, channels = reference.shape
    spec = DataSpec("image", channels, height, num_classes=int(reference.labels.max()) + 1)
    train, test = _train_and_test(reference, heldout, seed)
    return Dataset(reference.name, spec, train, test, reference.class_names)


def _train_and_test(reference: ImageSource, heldout: ImageSource | None, seed: int) -> tuple[ImageSource, ImageSource]:
    if heldout is not None and heldout.labels is not None and heldout.shape[1:] == reference.shape[1:]:
        labels = renumber(heldout.labels, heldout.class_names, reference.class_names, "the reference")
        return reference, relabelled(heldout, labels, reference.class_names)
    order = np.random.default_rng(seed).permutation(len(reference))
    return reference.subset(order[len(order) // 5 :]), reference.subset(order[: len(order) // 5])


def describe_shape(shape: tuple[int, ...]) -> str:
    """(28, 28, 1) → '28 x 28 grey'."""
    return f"{shape[0]} x {shape[1]} {'grey' if shape[2] == 1 else 'RGB'}"
