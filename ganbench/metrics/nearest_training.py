"""How near the samples are to the training images: a generator that replays them has distance 0.

Meehan et al. 2020, arXiv:2004.05675, give the reason to compare with held-out images: distances mean little by
themselves, but samples should not be nearer to the training set than new real images are.

`nn_feature` is the median, over samples, of the Euclidean feature distance to the nearest training image (exact).
`nn_lpips` is the median LPIPS distance (Zhang et al. 2018, arXiv:1801.03924) to that same image. Interval: order
statistics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import median_interval
from ganbench.types import MetricInfo, MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

MAX_HELDOUT_LPIPS = 2000  # LPIPS is dear
CI_METHOD = "order statistics of the median over the samples"


def compute_nn_feature(inputs: MetricInputs) -> MetricResult:
    """Median feature distance to the nearest training image; details compare with held-out images when given."""
    distances = inputs.neighbours.distances
    unseen = inputs.heldout_neighbours
    details = heldout_comparison(distances, unseen.distances if unseen else None)
    return _result(inputs, distances, details)


def compute_nn_lpips(inputs: MetricInputs) -> MetricResult:
    """Median LPIPS distance to the nearest training image in feature space; details compare with held-out images."""
    distances = inputs.neighbour_lpips.astype(np.float64)
    unseen = inputs.heldout_lpips(MAX_HELDOUT_LPIPS)
    details = {"trunk": "alexnet", "version": "0.1", "upscaled_to": inputs.images.lpips_resolution}
    return _result(inputs, distances, details | heldout_comparison(distances, unseen))


def heldout_comparison(distances: npt.NDArray[np.float64], heldout: npt.NDArray[np.floating] | None) -> dict[str, Any]:
    """Held-out median, the 1st percentile of held-out distances, the shares of samples and held-out images up to it.

    A distance equal to the percentile counts. So where held-out images are themselves among the training images, and
    the percentile is 0, copies still count; the held-out share is then above the usual 1 %, and what samples should
    have.
    """
    if heldout is None:
        return {}
    threshold = float(np.percentile(heldout, 1))
    return {
        "heldout_median": float(np.median(heldout)),
        "num_heldout": len(heldout),
        "heldout_percentile_1": threshold,
        "share_closer_than_heldout_percentile_1": float((distances <= threshold).mean()),
        "heldout_share_closer_than_percentile_1": float((heldout <= threshold).mean()),
        "num_heldout_equal_to_training": int((heldout == 0).sum()),
    }


def _result(inputs: MetricInputs, distances: npt.NDArray[np.float64], details: dict[str, Any]) -> MetricResult:
    value = float(np.median(distances))
    num_train = len(inputs.images.train)
    return MetricResult(value, median_interval(distances), CI_METHOD, len(distances), num_train, details)


NN_FEATURE = MetricInfo(
    id="nn_feature",
    title="Nearest training image",
    compute=compute_nn_feature,
    higher_is_better=None,
    needs=("train",),
    description="The median distance, in features, from a sample to the training image most like it.",
    range="0 and up; 0 for copies",
    bounds=(0, None),
    interval="Sampling of the generated images: two order statistics round the median.",
    choices="Euclidean distance in the extractor's features, exact in float64. The details hold the same median for "
    "held-out real images, the share of samples as near as the nearest 1 % of those, and how many held-out images "
    "equal a training image; the report draws the distances of both.",
    cost="One search of all samples among all training images, shared with the other measures of copying.",
    limits="Far below the held-out images: copies. Far above: unlike the data. A few copies do not move the median: "
    "look at the share in the details, of which 1 % is expected without copies, or the held-out images' own share "
    "where some of them are training images.",
    paper="https://arxiv.org/abs/2004.05675",
)

NN_LPIPS = MetricInfo(
    id="nn_lpips",
    title="LPIPS to nearest training image",
    compute=compute_nn_lpips,
    higher_is_better=None,
    needs=("train", "lpips"),
    description="The median perceptual distance from a sample to the training image most like it.",
    range="0 to about 1; 0 for copies",
    bounds=(0, None),
    interval="Sampling of the generated images: two order statistics round the median.",
    choices="LPIPS 0.1 with the AlexNet trunk. The neighbour is the one that the extractor's features find. The "
    "details hold the same of held-out real images, 2,000 drawn by the seed at most.",
    cost="The search of nn_feature, and LPIPS once for each sample and each of those held-out images.",
    limits="The neighbour is nearest in the extractor's space, not in LPIPS, so the true distance may be smaller.",
    paper="https://arxiv.org/abs/1801.03924",
    reference_code="https://github.com/richzhang/PerceptualSimilarity",
)
