"""Classification accuracy score (CAS): can a classifier that saw samples only recognise real images?

Paper: Ravuri and Vinyals 2019, arXiv:1905.10887. They train a ResNet-50 on ImageNet-sized sets of samples; here the
network is the small recipe of `ganbench.features.classifier`, so values compare with each other, not with the paper's.

The classifier is trained on the samples and the classes that were asked for, and tested on the dataset's held-out
images, or on a random fifth of a labelled reference. Beside it stands the ceiling: the same recipe trained on as many
real images, none of them tested on. Choices: classes are matched by name where both sides have names, else by number; a
class without samples is never predicted, so its test images all count as errors.

Interval: Wilson's, over the test images. A second training with another seed would move the value too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ganbench.metrics.class_labels import Labels, renumber, require_labels
from ganbench.metrics.image_inputs import describe_shape
from ganbench.metrics.intervals import wilson_interval
from ganbench.types import Dataset, ImageSource, MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

CI_METHOD = "Wilson's score interval over the test images, for this one training"
_PURPOSE = "the classification accuracy score"


class Labelled(NamedTuple):
    """Images with class numbers int64 [N] in one numbering."""

    images: ImageSource
    labels: Labels


def num_correct(train: Labelled, test: Labelled, *, device: str = "cpu", seed: int = 0) -> int:
    """How many of the test images a classifier trained on `train` puts into their class."""
    from ganbench.features.classifier import predict_classes, train_classifier_on  # noqa: PLC0415  # torch when used

    num_classes = 1 + int(max(train.labels.max(), test.labels.max()))
    network = train_classifier_on(train.images, train.labels, num_classes, device=device, seed=seed)
    return int((predict_classes(network, test.images, device) == test.labels).sum())


def compute_cas(inputs: MetricInputs) -> MetricResult:
    """Accuracy on real images of a classifier trained on the samples; details give that of one trained on real ones."""
    images, seed, device = inputs.images, inputs.seed, inputs.images.device
    samples, dataset = images.samples, images.labelled
    test = Labelled(dataset.test, _labels_of_tested(dataset.test))
    _require_equal_shapes(samples, dataset.test)
    labels = renumber(require_labels(samples, _PURPOSE), samples.class_names, dataset.class_names, "the real images")
    correct = num_correct(Labelled(samples, labels), test, device=device, seed=seed)
    real = _drawn(dataset, len(samples), seed)
    num_test = len(dataset.test)
    details = {
        "accuracy_of_real": num_correct(real, test, device=device, seed=seed) / num_test,
        "num_real": len(real.images),
        "tested_on": dataset.test.name,
        "num_test": num_test,
        "seed": seed,
    }
    interval = wilson_interval(correct, num_test)
    return MetricResult(correct / num_test, interval, CI_METHOD, len(samples), num_test, details)


def _labels_of_tested(test: ImageSource) -> Labels:
    if test.labels is None or len(test) == 0:
        raise MetricUnavailableError(f"{_PURPOSE} needs labelled real images to test on; '{test.name}' has none")
    return test.labels


def _require_equal_shapes(samples: ImageSource, test: ImageSource) -> None:
    ours, theirs = describe_shape(samples.shape[1:]), describe_shape(test.shape[1:])
    if ours != theirs:
        raise MetricUnavailableError(
            f"{_PURPOSE}: samples are {ours} and real images {theirs}; both must have one shape: resize one of them"
        )


def _drawn(dataset: Dataset, num_images: int, seed: int) -> Labelled:
    """As many random real training images as there are samples, or all."""
    train = dataset.train
    assert train.labels is not None  # `labelled` saw to it
    chosen = np.random.default_rng(seed).permutation(len(train))[:num_images]
    return Labelled(train.subset(chosen), train.labels[chosen])


CAS = MetricInfo(
    id="cas",
    title="CAS",
    compute=compute_cas,
    higher_is_better=True,
    needs=("labels",),
    uses_extractor=False,
    default=False,
    description="The accuracy, on real images, of a classifier that was trained on samples only.",
    range="0 to 1; the details hold what training on as many real images gives",
    bounds=(0, 1),
    interval="Sampling of the test images (Wilson), for one training of the classifier.",
    choices="A small convolutional network with a fixed recipe, not the paper's ResNet-50; tested on the dataset's "
    "held-out images, or on a random fifth of the reference; classes matched by name where both sides have names.",
    cost="Two trainings of a small classifier: about half a minute for 10,000 samples of 28 pixels on one CPU core.",
    limits="Needs samples with the class each was asked to show. Compare only equal numbers of samples. Where the "
    "model learnt from the images that are tested on, copies score well.",
    paper="https://arxiv.org/abs/1905.10887",
)
