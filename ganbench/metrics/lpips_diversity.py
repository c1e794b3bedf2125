"""How different the samples look from each other: the mean LPIPS distance of random pairs.

Papers: Zhu et al. 2017 (BicycleGAN), arXiv:1711.11586, who take pairs of outputs for one input; Zhang et al. 2018,
arXiv:1801.03924, for LPIPS. Reference code: github.com/richzhang/PerceptualSimilarity, `lpips_1dir_allpairs.py`.

`lpips_diversity` pairs samples of all kinds; `lpips_diversity_within` pairs samples of one asked class, the class being
the input, and averages the classes evenly; a class of one sample is left out. Choices: 2,000 seeded pairs (in all
classes together), or half of the samples where that is fewer, and no image in two pairs: the distances are then
independent and their mean has a plain standard error, where all pairs of a few images share those images. The same is
measured on the reference, beside it, for the samples' classes.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.class_labels import renumber, require_labels
from ganbench.metrics.intervals import normal_interval
from ganbench.types import ImageSource, MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

NUM_PAIRS = 2000
CI_METHOD = "normal, over pairs that share no image"
CI_METHOD_WITHIN = "normal, over pairs that share no image, by class"
_BATCH_SIZE = 64
Distance = Callable[[npt.NDArray[np.uint8], npt.NDArray[np.uint8]], npt.NDArray[np.float32]]
Indexes = npt.NDArray[np.int64]


class Diversity(NamedTuple):
    """Mean distance, its standard error (None without a class of two pairs), and the pairs and classes behind it."""

    value: float
    standard_error: float | None
    num_pairs: int
    num_classes: int


def disjoint_pairs(indexes: Indexes, num_pairs: int, rng: np.random.Generator) -> Indexes:
    """Random pairs [P, 2] of these indexes, none in two of them; P = `num_pairs` or half of the indexes."""
    num_pairs = min(num_pairs, len(indexes) // 2)
    return rng.permutation(indexes)[: 2 * num_pairs].reshape(num_pairs, 2)


def pair_groups(
    labels: Indexes | None, num_images: int, num_pairs: int, seed: int, only: Indexes | None = None
) -> list[Indexes]:
    """Pairs of all images, or with `labels` [N] an equal number within each class (of `only`) that has two images."""
    rng = np.random.default_rng(seed)
    if labels is None:
        return [disjoint_pairs(np.arange(num_images), num_pairs, rng)]
    named = np.unique(labels) if only is None else only
    classes = [np.flatnonzero(labels == label) for label in named]
    classes = [members for members in classes if len(members) >= 2]
    share = math.ceil(num_pairs / max(len(classes), 1))
    return [disjoint_pairs(members, share, rng) for members in classes]


def mean_of_groups(groups: list[npt.NDArray[np.float64]]) -> Diversity:
    """The even mean over groups of the mean distance in each; a single pair is taken to vary as those of the others."""
    value = float(np.mean([group.mean() for group in groups]))
    num_pairs = sum(len(group) for group in groups)
    spreads = [group.var(ddof=1) for group in groups if len(group) > 1]
    if not spreads:
        return Diversity(value, None, num_pairs, len(groups))
    shared = float(np.mean(spreads))
    errors = [(group.var(ddof=1) if len(group) > 1 else shared) / len(group) for group in groups]
    return Diversity(value, math.sqrt(sum(errors)) / len(groups), num_pairs, len(groups))


def diversity(
    images: ImageSource, labels: Indexes | None, distance: Distance, seed: int, only: Indexes | None = None
) -> Diversity | None:
    """Diversity over all images, or within the classes that `labels` [N] name (of `only`); None without any pair."""
    groups = pair_groups(labels, len(images), NUM_PAIRS, seed, only)
    if not any(len(group) for group in groups):
        return None
    return mean_of_groups([_distances(images, group, distance) for group in groups])


def compute_lpips_diversity(inputs: MetricInputs) -> MetricResult:
    """Mean LPIPS distance of random pairs of samples."""
    images, seed = inputs.images, inputs.seed
    found = diversity(images.samples, None, images.lpips_distance, seed)
    real = diversity(images.reference, None, images.lpips_distance, seed)
    return _result(inputs, found, real, CI_METHOD, {})


def compute_lpips_diversity_within(inputs: MetricInputs) -> MetricResult:
    """Mean LPIPS distance of random pairs of samples of one asked class, averaged over the classes."""
    images, seed = inputs.images, inputs.seed
    labels = require_labels(images.samples, "LPIPS diversity within classes")
    found = diversity(images.samples, labels, images.lpips_distance, seed)
    classes, sizes = np.unique(labels, return_counts=True)
    details = {"num_classes": int((sizes >= 2).sum()), "num_classes_of_one_sample": int((sizes < 2).sum())}
    real = _reference_within(inputs, classes[sizes >= 2])
    if real is not None:
        details["reference_num_classes"] = real.num_classes
    return _result(inputs, found, real, CI_METHOD_WITHIN, details)


def _reference_within(inputs: MetricInputs, classes: Indexes) -> Diversity | None:
    """The same of the reference, for the samples' `classes`; None where it has no labels or not all of these."""
    images, reference = inputs.images, inputs.images.reference
    if reference.labels is None:
        return None
    try:
        wanted = renumber(classes, images.samples.class_names, reference.class_names, "the reference")
    except MetricUnavailableError:
        return None
    return diversity(reference, reference.labels, images.lpips_distance, inputs.seed, wanted)


def _distances(images: ImageSource, pairs: Indexes, distance: Distance) -> npt.NDArray[np.float64]:
    batches = [pairs[start : start + _BATCH_SIZE] for start in range(0, len(pairs), _BATCH_SIZE)]
    parts = [distance(images.take(batch[:, 0]), images.take(batch[:, 1])) for batch in batches]
    return np.concatenate(parts).astype(np.float64)


def _result(
    inputs: MetricInputs, found: Diversity | None, real: Diversity | None, method: str, details: dict[str, Any]
) -> MetricResult:
    if found is None:
        raise MetricUnavailableError("no two samples to compare: it needs at least 2 samples (of one class)")
    details |= {"num_pairs": found.num_pairs, "trunk": "alexnet", "version": "0.1"}
    details |= {"upscaled_to": inputs.images.lpips_resolution, "seed": inputs.seed}
    if real is not None:
        details |= {"reference_value": real.value, "reference_num_pairs": real.num_pairs}
        details["reference_ci95"] = _interval(real)
    num_reference = len(inputs.images.reference) if real is not None else None
    return MetricResult(found.value, _interval(found), method, len(inputs.images.samples), num_reference, details)


def _interval(found: Diversity) -> tuple[float, float] | None:
    return None if found.standard_error is None else normal_interval(found.value, found.standard_error)


LPIPS_DIVERSITY = MetricInfo(
    id="lpips_diversity",
    title="LPIPS diversity",
    compute=compute_lpips_diversity,
    higher_is_better=None,
    needs=("reference", "lpips"),
    uses_extractor=False,
    description="How different two random samples look, on average.",
    range="0 to about 1; 0 when all samples are one image",
    bounds=(0, None),
    interval="Sampling of the generated images: normal, over pairs that share no image.",
    choices="LPIPS 0.1 with the AlexNet trunk; 2,000 seeded pairs that share no image, or half of the samples. The "
    "details hold the same for the reference.",
    cost="LPIPS for 2,000 pairs of samples and 2,000 of the reference, whatever the number of samples: 4 seconds on "
    "one CPU core at 64 pixels or less.",
    limits="More is not better: broken images of many kinds are diverse too. Good samples are as diverse as the "
    "reference.",
    paper="https://arxiv.org/abs/1711.11586",
    reference_code="https://github.com/richzhang/PerceptualSimilarity/blob/master/lpips_1dir_allpairs.py",
)

LPIPS_DIVERSITY_WITHIN = MetricInfo(
    id="lpips_diversity_within",
    title="LPIPS diversity within classes",
    compute=compute_lpips_diversity_within,
    higher_is_better=None,
    needs=("reference", "lpips", "labels"),
    uses_extractor=False,
    description="How different two random samples of one asked class look, on average over the classes.",
    range="0 to about 1; 0 when each class is one image",
    bounds=(0, None),
    interval="Sampling of the generated images: normal, over pairs that share no image, by class.",
    choices="As lpips_diversity, with an equal share of the pairs for each class and every class of equal weight. "
    "The class is the one that was asked for, not the one that is seen. Classes of one sample are left out. The "
    "reference's value is over the samples' classes.",
    cost="LPIPS for 2,000 pairs of samples and 2,000 of the reference, whatever the number of samples: 4 seconds on "
    "one CPU core at 64 pixels or less.",
    limits="More is not better: a model that ignores the class is too diverse. Compare with the reference.",
    paper="https://arxiv.org/abs/1711.11586",
    reference_code="https://github.com/richzhang/PerceptualSimilarity/blob/master/lpips_1dir_allpairs.py",
)
