"""One evaluation: features once, every metric on shared inputs, and the nearest training images for the gallery."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ganbench.errors import UsageError
from ganbench.metrics.class_labels import require_labels
from ganbench.metrics.feature_bank import FeatureBank, assign_extractors
from ganbench.metrics.image_inputs import Generator, ImageInputs, describe_shape
from ganbench.metrics.inputs import NO_LOGITS, MetricInputs
from ganbench.metrics.point_inputs import PointInputs
from ganbench.protocols import Protocol, get_protocol
from ganbench.types import (
    Dataset,
    ExtractorIdentity,
    ExtractorInfo,
    ImageSource,
    MetricInfo,
    MetricResult,
    MetricUnavailableError,
)

if TYPE_CHECKING:
    from ganbench.features.extract import FeatureCache
    from ganbench.features.stacked_classifier import AnyClassifier

log = logging.getLogger(__name__)

Progress = Callable[[str, int, int], None]
GALLERY_SIZE = 16


@dataclass(frozen=True)
class Neighbour:
    """A sample beside its nearest training image: uint8 [H, W, C] each. `closest`: chosen for its small distance."""

    sample_index: int
    train_index: int
    sample: npt.NDArray[np.uint8]
    train: npt.NDArray[np.uint8]
    feature_distance: float
    lpips: float | None
    closest: bool


@dataclass(frozen=True)
class Evaluation:
    """What was measured. `seconds` has each metric's time and `features`; `unavailable` says why a metric is not there.

    `extractors` has the extractor of each metric that uses one; `canonical` the ids of the metrics that were computed
    on the extractor that they are defined on. `inputs` are the images and features by the evaluation's extractor, for
    what is made of them beside the metrics. The first metric that needs a shared intermediate result (classifier,
    neighbours, radii) bears its time.
    """

    results: Mapping[str, MetricResult]
    seconds: Mapping[str, float]
    unavailable: Mapping[str, str]
    extractors: Mapping[str, ExtractorIdentity]
    canonical: frozenset[str]
    neighbours: tuple[Neighbour, ...]
    inputs: MetricInputs | PointInputs


@dataclass(frozen=True)
class EvaluationContext:
    """What an evaluation may use beside the two sets of images.

    Attributes:
        dataset: Where the reference comes from: gives the training images for neighbours and the labels for the
            classifier. Without it the reference is taken as the training set, and a fifth of it, if it has labels, is
            held out to test the classifier.
        heldout: Real images that no model has seen, for comparison with the samples' distances to the training set.
        generator: The trained generator, for the metrics that need one.
        protocol: The settings in which protocols differ.
        extractors: All that are known, for the metrics that are defined on one of their own.
        device: Where networks run.
        cache: Where features and classifiers are kept; without it nothing is stored.
        seed: For the resampling of intervals and the choice of the gallery.
        progress: Called with (stage, done, total).
    """

    dataset: Dataset | None = None
    heldout: ImageSource | None = None
    generator: Generator | None = None
    protocol: Protocol = field(default_factory=lambda: get_protocol("ganbench-v1"))
    extractors: Mapping[str, ExtractorInfo] = field(default_factory=dict)
    device: str = "cpu"
    cache: FeatureCache | None = None
    seed: int = 0
    progress: Progress = lambda stage, done, total: None


def evaluate(
    samples: ImageSource,
    reference: ImageSource,
    metrics: Sequence[MetricInfo],
    extractor: ExtractorInfo,
    context: EvaluationContext | None = None,
) -> Evaluation:
    """Measure `samples` against `reference`.

    Args:
        samples: Generated images.
        reference: Real images that distances are taken to.
        metrics: What to compute; one that cannot be computed here is listed in `unavailable` with the reason.
        extractor: Which features, for all metrics that are not defined on one of their own. Images are compared as they
            are: the extractor alone resizes them.
        context: What else there is.

    Raises:
        UsageError: Fewer than 2 images on a side, or grey on one side and colour on the other.
        WeightsError: The extractor's weights are missing.
    """
    from ganbench.features.arithmetic import exact_arithmetic  # noqa: PLC0415  # torch only when used

    context = context or EvaluationContext()
    _check(samples, reference)
    with exact_arithmetic():
        return _evaluate(samples, reference, metrics, extractor, context)


def _evaluate(
    samples: ImageSource,
    reference: ImageSource,
    metrics: Sequence[MetricInfo],
    extractor: ExtractorInfo,
    context: EvaluationContext,
) -> Evaluation:
    images = _image_inputs(samples, reference, context)
    started = time.perf_counter()
    assigned, unavailable = assign_extractors(metrics, extractor, context.extractors)
    unavailable |= _lacking_labels(samples, [metric for metric in metrics if metric.id in assigned])
    usable = [metric for metric in metrics if metric.id not in unavailable]
    bank = FeatureBank(context.cache, context.device, context.progress)
    bank.fill(images, usable, assigned)
    seconds = {"features": time.perf_counter() - started}
    inputs = {
        info.name: MetricInputs(
            images, partial(bank.features, info), info.logits_missing() or NO_LOGITS, partial(bank.derived, info)
        )
        for info in [extractor, *assigned.values()]
    }
    results, failed, metric_seconds = compute_all(
        usable, {metric.id: inputs[assigned[metric.id].name] for metric in usable}, context.progress
    )
    measured = [metric for metric in usable if metric.id in results and metric.uses_extractor]
    return Evaluation(
        results,
        seconds | metric_seconds,
        unavailable | failed,
        {metric.id: bank.network(assigned[metric.id]).identity for metric in measured},
        frozenset(metric.id for metric in measured if metric.extractor or assigned[metric.id].canonical),
        _gallery(inputs[extractor.name]) if any("train" in metric.needs for metric in usable) else (),
        inputs[extractor.name],
    )


def _lacking_labels(samples: ImageSource, metrics: Sequence[MetricInfo]) -> dict[str, str]:
    """Why the metrics that need classes of the samples cannot be had; found before any network runs."""
    try:
        require_labels(samples, "classes of the samples")
    except MetricUnavailableError as error:
        return {metric.id: str(error) for metric in metrics if "labels" in metric.needs}
    return {}


def _image_inputs(samples: ImageSource, reference: ImageSource, context: EvaluationContext) -> ImageInputs:
    return ImageInputs(
        samples,
        reference,
        train=context.dataset.train if context.dataset is not None else reference,
        heldout=context.heldout,
        dataset=context.dataset,
        train_classifier=partial(_train_classifier, context.cache, context.device, context.progress),
        generator=context.generator,
        protocol=context.protocol,
        device=context.device,
        seed=context.seed,
    )


def compute_all(
    metrics: Sequence[MetricInfo], inputs: Mapping[str, MetricInputs | PointInputs], report: Progress
) -> tuple[dict[str, MetricResult], dict[str, str], dict[str, float]]:
    """Results, the reasons for those that are missing, and seconds, each by metric id."""
    results: dict[str, MetricResult] = {}
    unavailable: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for i, metric in enumerate(metrics):
        report(f"metric {metric.id}", i, len(metrics))
        started = time.perf_counter()
        try:
            results[metric.id] = _finite(metric.compute(inputs[metric.id]))
        except MetricUnavailableError as error:
            unavailable[metric.id] = str(error)
        except Exception as error:  # one metric, perhaps a plugin's, must not take the others with it
            log.exception("metric '%s' failed", metric.id)
            unavailable[metric.id] = f"it failed: {type(error).__name__}: {error}"
        seconds[metric.id] = time.perf_counter() - started
    report("metrics", len(metrics), len(metrics))
    return results, unavailable, seconds


def _finite(result: MetricResult) -> MetricResult:
    numbers = (result.value, *(result.ci95 or ()))
    if not all(map(math.isfinite, numbers)):
        raise MetricUnavailableError(f"its value is {result.value}, its interval {result.ci95}: not a finite number")
    return result


def _check(samples: ImageSource, reference: ImageSource) -> None:
    for images in (samples, reference):
        if len(images) < 2:
            raise UsageError(f"'{images.name}' has {len(images)} image(s): at least 2 are needed for any metric")
    shapes = samples.shape[1:], reference.shape[1:]
    if shapes[0][2] != shapes[1][2]:
        raise UsageError(
            f"samples '{samples.name}' are {describe_shape(shapes[0])} and reference '{reference.name}' is "
            f"{describe_shape(shapes[1])}: convert one of them, so that both are grey or both RGB"
        )


def _train_classifier(cache: FeatureCache | None, device: str, report: Progress, dataset: Dataset) -> AnyClassifier:
    from ganbench.features.stacked_classifier import classifier_of  # noqa: PLC0415  # torch only when used

    root = cache.root if cache is not None else None
    return classifier_of(dataset, root, device, partial(report, "classifier"))


def _gallery(inputs: MetricInputs) -> tuple[Neighbour, ...]:
    """Up to 16 samples at random and the 16 nearest to a training image, nearest first; empty where shapes differ."""
    try:
        indexes, distances = inputs.neighbours
    except MetricUnavailableError:
        return ()
    rng = np.random.default_rng(inputs.seed)
    drawn = rng.choice(len(distances), min(GALLERY_SIZE, len(distances)), replace=False)
    nearest = np.argsort(distances, kind="stable")[:GALLERY_SIZE]
    shown = np.concatenate([drawn, nearest])
    samples, train = inputs.images.samples.take(shown), inputs.images.train.take(indexes[shown])
    try:
        lpips = inputs.images.lpips_distance(samples, train)
    except MetricUnavailableError:
        lpips = None
    return tuple(
        Neighbour(
            sample_index=int(i),
            train_index=int(indexes[i]),
            sample=samples[position],
            train=train[position],
            feature_distance=float(distances[i]),
            lpips=None if lpips is None else float(lpips[position]),
            closest=position >= len(drawn),
        )
        for position, i in enumerate(shown)
    )
