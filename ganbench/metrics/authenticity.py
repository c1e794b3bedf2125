"""Authenticity: the share of samples that are no copies of a training image.

Paper: Alaa et al. 2022, arXiv:2102.08921. Reference code: `metrics/evaluation.py` of
github.com/ahmedmalaa/evaluating-generative-models.

A sample whose nearest training image is i is authentic when it is farther from i than i is from its own nearest other
training image. Choices: equality counts as a copy, as in that code: an image that the training set holds twice has
distance 0 to its twin, and a third copy of it must not pass as new. Each sample is judged by its own nearest training
image: the port of the same measure in synthcity takes the radii by the indexes of the nearest *samples* instead, which
is another number. Features are the evaluation's, where the paper's are an embedding trained to fill a ball.

What is authentic by chance: a new image of the data's own distribution is a "copy" when it and a training image are
each other's nearest neighbours. For points spread evenly, that share is 2/3 in one dimension, 0.62 in two, and falls to
1/2 in many (Schilling 1986); where a few images are near to many, as features in many dimensions have it, it is smaller
still. So new real images have an authenticity well below 1, which the details hold for the held-out ones.
Among samples of which a share p are copies, authenticity is (1 - p) times that of the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import wilson_interval
from ganbench.metrics.neighbours import Floats, manifold_radii, nearest
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

CI_METHOD = "Wilson's score interval over the samples, for this training set"


def authentic(samples: Floats, train: Floats) -> npt.NDArray[np.bool_]:
    """Whether each sample is authentic, bool [N], from features [N, D] and [M, D]; needs M >= 2."""
    squared, indexes = nearest(samples, train, 1)
    return np.asarray(squared[:, 0] > manifold_radii(train, 1)[indexes[:, 0]])


def compute_authenticity(inputs: MetricInputs) -> MetricResult:
    """Share of authentic samples; details give that of held-out images where there are any."""
    train = inputs.train.features
    if len(train) < 2:
        raise MetricUnavailableError("authenticity needs at least 2 training images")
    indexes, distances = inputs.neighbours
    own = np.sqrt(inputs.train_radii(1))
    num_authentic = int((distances > own[indexes]).sum())
    num_samples = len(distances)
    details: dict[str, Any] = {"num_authentic": num_authentic}
    if inputs.heldout_neighbours is not None:
        heldout_indexes, heldout_distances = inputs.heldout_neighbours
        details["heldout_authenticity"] = float((heldout_distances > own[heldout_indexes]).mean())
        details["num_heldout"] = len(heldout_distances)
    interval = wilson_interval(num_authentic, num_samples)
    return MetricResult(num_authentic / num_samples, interval, CI_METHOD, num_samples, len(train), details)


AUTHENTICITY = MetricInfo(
    id="authenticity",
    title="Authenticity",
    compute=compute_authenticity,
    higher_is_better=None,
    needs=("train",),
    description="The share of samples that are farther from their nearest training image than that image is from its "
    "own nearest other training image.",
    range="0 to 1; 0 for copies, somewhere between 1/3 and 0.9 for new real images",
    bounds=(0, 1),
    interval="Sampling of the generated images (Wilson), for this training set.",
    choices="Euclidean distance in the extractor's features, exact in float64; equal distances count as a copy. The "
    "details hold the authenticity of held-out real images, which is what a generator without copies should have.",
    cost="The search of nn_feature, the same for the held-out images, and one of the training images so found.",
    limits="New real images are far from 1, and samples unlike any data are near it: compare with the held-out images' "
    "value. It depends on the training set and its size.",
    paper="https://arxiv.org/abs/2102.08921",
    reference_code="https://github.com/ahmedmalaa/evaluating-generative-models/blob/main/metrics/evaluation.py",
)
