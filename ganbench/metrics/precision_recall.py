"""Improved precision and recall: shares of images inside the other set's k-nearest-neighbour manifold.

Paper: Kynkäänniemi et al. 2019, arXiv:1904.06991. Reference code: torch-fidelity `metric_prc.py`.

Precision: the share of samples that lie in a ball round some real image, its radius the distance to that image's k-th
nearest other real image. Recall: the same with the roles exchanged. Choices: k = 3 and "inside" includes the surface
(<=), as in torch-fidelity and StyleGAN; the package prdc uses k = 5 and <. Distances that decide are float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import wilson_interval
from ganbench.metrics.neighbours import Floats, ball_counts, manifold_radii
from ganbench.types import MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

K = 3


def precision(samples: Floats, reference: Floats, k: int = K) -> float:
    """Share of samples [N, D] inside the manifold of the reference [M, D]; needs k < M."""
    return float(_inside(samples, reference, manifold_radii(reference, k)).mean())


def recall(samples: Floats, reference: Floats, k: int = K) -> float:
    """Share of reference images [M, D] inside the manifold of the samples [N, D]; needs k < N."""
    return float(_inside(reference, samples, manifold_radii(samples, k)).mean())


def compute_precision(inputs: MetricInputs) -> MetricResult:
    """Precision of the samples against the reference."""
    samples, reference = inputs.samples.features, inputs.reference.features
    k = min(K, len(reference) - 1)
    return _result(_inside(samples, reference, inputs.reference_radii(k)), "samples", k, len(samples), len(reference))


def compute_recall(inputs: MetricInputs) -> MetricResult:
    """Recall of the reference by the samples."""
    samples, reference = inputs.samples.features, inputs.reference.features
    k = min(K, len(samples) - 1)
    inside = _inside(reference, samples, inputs.sample_radii(k))
    return _result(inside, "reference images", k, len(samples), len(reference))


def _inside(points: Floats, centres: Floats, radii: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return np.asarray(ball_counts(points, centres, radii, inclusive=True)[0] > 0)


def _result(inside: npt.NDArray[np.bool_], judged: str, k: int, num_samples: int, num_reference: int) -> MetricResult:
    method = f"Wilson score interval over the {judged}; the manifold is taken as given"
    interval = wilson_interval(int(inside.sum()), len(inside))
    return MetricResult(float(inside.mean()), interval, method, num_samples, num_reference, {"k": k, "surface": "<="})
