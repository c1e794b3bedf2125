"""One evaluation: features once, every metric on shared inputs, and the nearest training images for the gallery."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ganbench.errors import UsageError
from ganbench.metrics.inputs import MetricInputs, describe_shape
from ganbench.types import (
    Dataset,
    DataSpec,
    Extractor,
    ExtractorIdentity,
    ExtractorInfo,
    FeatureSet,
    ImageSet,
    MetricInfo,
    MetricResult,
    MetricUnavailableError,
)

if TYPE_CHECKING:
    from ganbench.features.classifier import Classifier
    from ganbench.features.extract import FeatureCache

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

    The first metric that needs a shared intermediate result (classifier, neighbours, radii) bears its time.
    """

    results: Mapping[str, MetricResult]
    seconds: Mapping[str, float]
    unavailable: Mapping[str, str]
    extractor: ExtractorIdentity
    canonical: bool
    neighbours: tuple[Neighbour, ...]


def evaluate(
    samples: ImageSet,
    reference: ImageSet,
    metrics: Sequence[MetricInfo],
    extractor: ExtractorInfo,
    *,
    dataset: Dataset | None = None,
    heldout: ImageSet | None = None,
    device: str = "cpu",
    cache: FeatureCache | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure `samples` against `reference`.

    Args:
        samples: Generated images.
        reference: Real images that distances are taken to.
        metrics: What to compute; one that cannot be computed here is listed in `unavailable` with the reason.
        extractor: Which features. Images are compared as they are: the extractor alone resizes them.
        dataset: Gives the training images for neighbours and the labels for the classifier; without it the reference
            is taken as the training set, and a fifth of it is held out to test the classifier.
        heldout: Real images that no model has seen, for comparison with the samples' distances to the training set.
        device: Where networks run.
        cache: Where features and classifiers are kept; without it nothing is stored.
        seed: For the resampling of intervals and the choice of the gallery.
        progress: Called with (stage, done, total).

    Raises:
        UsageError: Fewer than 2 images on a side, or grey on one side and colour on the other.
        WeightsError: The extractor's weights are missing.
    """
    _check(samples, reference)
    report = progress or (lambda stage, done, total: None)
    started = time.perf_counter()
    network = extractor.load(device)
    train = dataset.train if dataset is not None else reference
    features = _extract_all(
        network, [samples, reference, train, *([heldout] if heldout else [])], cache, device, report
    )
    inputs = MetricInputs(
        samples=features[samples.sha256],
        reference=features[reference.sha256],
        train=features[train.sha256],
        sample_images=samples,
        train_images=train,
        heldout=features[heldout.sha256] if heldout is not None else None,
        dataset=dataset or _labelled(reference, heldout, seed),
        train_classifier=partial(_train_classifier, cache, device, report),
        device=device,
        seed=seed,
    )
    seconds = {"features": time.perf_counter() - started}
    results, unavailable, metric_seconds = _compute_all(metrics, inputs, report)
    seconds |= metric_seconds
    return Evaluation(results, seconds, unavailable, network.identity, extractor.canonical, _gallery(inputs))


def _compute_all(
    metrics: Sequence[MetricInfo], inputs: MetricInputs, report: Progress
) -> tuple[dict[str, MetricResult], dict[str, str], dict[str, float]]:
    """Results, the reasons for those that are missing, and seconds, each by metric id."""
    results: dict[str, MetricResult] = {}
    unavailable: dict[str, str] = {}
    seconds: dict[str, float] = {}
    for i, metric in enumerate(metrics):
        report(f"metric {metric.id}", i, len(metrics))
        started = time.perf_counter()
        try:
            results[metric.id] = _finite(metric.compute(inputs))
        except MetricUnavailableError as error:
            unavailable[metric.id] = str(error)
        except Exception as error:  # one metric, perhaps a plugin's, must not take the others with it
            log.exception("metric '%s' failed", metric.id)
            unavailable[metric.id] = f"it failed: {type(error).__name__}: {error}"
        seconds[metric.id] = time.perf_counter() - started
    report("metrics", len(metrics), len(metrics))
    return results, unavailable, seconds


def _finite(result: MetricResult) -> MetricResult:
    if not math.isfinite(result.value):
        raise MetricUnavailableError(f"its value is {result.value}, not a finite number")
    return result


def _check(samples: ImageSet, reference: ImageSet) -> None:
    for images in (samples, reference):
        if len(images) < 2:
            raise UsageError(f"'{images.name}' has {len(images)} image(s): at least 2 are needed for any metric")
    shapes = samples.images.shape[1:], reference.images.shape[1:]
    if shapes[0][2] != shapes[1][2]:
        raise UsageError(
            f"samples '{samples.name}' are {describe_shape(shapes[0])} and reference '{reference.name}' is "
            f"{describe_shape(shapes[1])}: convert one of them, so that both are grey or both RGB"
        )


def _extract_all(
    network: Extractor, sets: Sequence[ImageSet], cache: FeatureCache | None, device: str, report: Progress
) -> dict[str, FeatureSet]:
    """Features by the hash of the images: equal sets go through the network once."""
    from ganbench.features.extract import extract  # noqa: PLC0415  # torch only when used

    features: dict[str, FeatureSet] = {}
    for images in sets:
        if images.sha256 not in features:
            stage = partial(report, f"features of {images.name}")
            features[images.sha256] = extract(images, network, cache, device, stage)
    return features


def _labelled(reference: ImageSet, heldout: ImageSet | None, seed: int) -> Dataset | None:
    """A dataset made from a labelled reference: its own held-out images test the classifier, else a random fifth."""
    labels = reference.labels
    if labels is None or len(reference) < 10:
        return None
    _, height, _, channels = reference.images.shape
    spec = DataSpec("image", channels, height, num_classes=int(labels.max()) + 1)
    if heldout is not None and heldout.labels is not None and heldout.images.shape[1:] == reference.images.shape[1:]:
        return Dataset(reference.name, spec, reference, heldout)
    order = np.random.default_rng(seed).permutation(len(reference))
    test, train = order[: len(order) // 5], order[len(order) // 5 :]
    train_set, test_set = (ImageSet(reference.name, reference.images[rows], labels[rows]) for rows in (train, test))
    return Dataset(reference.name, spec, train_set, test_set)


def _train_classifier(cache: FeatureCache | None, device: str, report: Progress, dataset: Dataset) -> Classifier:
    from ganbench.features.classifier import trained_classifier  # noqa: PLC0415  # torch only when used

    root = cache.root if cache is not None else None
    return trained_classifier(dataset, root, device, partial(report, "classifier"))


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
    try:
        lpips = inputs.lpips_distance(inputs.sample_images.images[shown], inputs.train_images.images[indexes[shown]])
    except MetricUnavailableError:
        lpips = None
    return tuple(
        Neighbour(
            sample_index=int(i),
            train_index=int(indexes[i]),
            sample=inputs.sample_images.images[i],
            train=inputs.train_images.images[indexes[i]],
            feature_distance=float(distances[i]),
            lpips=None if lpips is None else float(lpips[position]),
            closest=position >= len(drawn),
        )
        for position, i in enumerate(shown)
    )
