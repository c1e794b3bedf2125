"""How near the samples are to the training images: a generator that replays them has distance 0.

Meehan et al. 2020, arXiv:2004.05675, give the reason to compare with held-out images: distances mean little by
themselves, but samples should not be nearer to the training set than new real images are.

`nn_feature` is the median, over samples, of the Euclidean feature distance to the nearest training image (exact).
`nn_lpips` is the median LPIPS distance to that same image. Interval: order statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import median_interval
from ganbench.types import MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

CI_METHOD = "order statistics of the median over the samples"


def compute_nn_feature(inputs: MetricInputs) -> MetricResult:
    """Median feature distance to the nearest training image; details compare with held-out images when given."""
    distances = inputs.neighbours.distances
    details = heldout_comparison(distances, inputs.heldout_distances)
    return _result(inputs, distances, details)


def compute_nn_lpips(inputs: MetricInputs) -> MetricResult:
    """Median LPIPS distance to the nearest training image in feature space."""
    distances = inputs.neighbour_lpips.astype(np.float64)
    return _result(inputs, distances, {"trunk": "alexnet", "version": "0.1", "upscaled_to": inputs.lpips_resolution})


def heldout_comparison(distances: npt.NDArray[np.float64], heldout: npt.NDArray[np.float64] | None) -> dict[str, Any]:
    """Held-out median, the 1st percentile of held-out distances, and the share of samples nearer than that."""
    if heldout is None:
        return {}
    threshold = float(np.percentile(heldout, 1))
    return {
        "heldout_median": float(np.median(heldout)),
        "num_heldout": len(heldout),
        "heldout_percentile_1": threshold,
        "share_closer_than_heldout_percentile_1": float((distances < threshold).mean()),
    }


def _result(inputs: MetricInputs, distances: npt.NDArray[np.float64], details: dict[str, Any]) -> MetricResult:
    value = float(np.median(distances))
    return MetricResult(value, median_interval(distances), CI_METHOD, len(distances), len(inputs.train_images), details)
