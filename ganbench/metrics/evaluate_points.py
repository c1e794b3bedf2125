"""One evaluation of points: no features, every metric on the same counts."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.errors import UsageError
from ganbench.metrics.evaluate import Evaluation, Progress, compute_all
from ganbench.metrics.point_inputs import PointInputs
from ganbench.types import MetricInfo, PointDataset, PointSet


def evaluate_points(
    samples: PointSet,
    dataset: PointDataset,
    metrics: Sequence[MetricInfo],
    seed: int = 0,
    progress: Progress = lambda stage, done, total: None,
) -> Evaluation:
    """Measure `samples` [N, D] against `dataset`; a metric that cannot be computed is in `unavailable`.

    Raises:
        UsageError: Fewer than 2 points, or points of another dimension than the data's.
    """
    if len(samples) < 2:
        raise UsageError(f"'{samples.name}' has {len(samples)} point(s): at least 2 are needed for any metric")
    if samples.points.shape[1:] != (dataset.spec.dim,):
        raise UsageError(
            f"samples '{samples.name}' have the shape {samples.points.shape}; expected [N, {dataset.spec.dim}], as the "
            f"points of '{dataset.name}'"
        )
    inputs = PointInputs(samples, dataset, seed)
    results, unavailable, seconds = compute_all(metrics, {metric.id: inputs for metric in metrics}, progress)
    return Evaluation(results, seconds, unavailable, {}, frozenset(), (), inputs)
