"""The built-in metrics, with what each means and where it misleads."""

from __future__ import annotations

from collections.abc import Sequence

from ganbench.hookspecs import hookimpl
from ganbench.metrics.density_coverage import compute_coverage, compute_density
from ganbench.metrics.fid import compute_fid
from ganbench.metrics.inception_score import compute_is
from ganbench.metrics.kid import compute_kid
from ganbench.metrics.modes import compute_mode_kl, compute_modes
from ganbench.metrics.nearest_training import compute_nn_feature, compute_nn_lpips
from ganbench.metrics.precision_recall import compute_precision, compute_recall
from ganbench.types import MetricInfo


@hookimpl
def ganbench_metrics() -> Sequence[MetricInfo]:
    """In the order in which they are evaluated and shown."""
    return _QUALITY + _MANIFOLD + _CONTENT


_QUALITY = [
    MetricInfo(
        id="fid",
        title="FID",
        compute=compute_fid,
        higher_is_better=False,
        needs=("reference",),
        range="0 and up",
        paper="https://arxiv.org/abs/1706.08500",
        limits="Biased upwards at small n: compare only equal n. A replay of the training images scores best.",
    ),
    MetricInfo(
        id="kid",
        title="KID",
        compute=compute_kid,
        higher_is_better=False,
        needs=("reference",),
        range="about 0 and up; slightly below 0 for equal distributions",
        paper="https://arxiv.org/abs/1801.01401",
        limits="Unbiased, but noisier than FID. A replay of the training images scores best.",
    ),
    MetricInfo(
        id="is",
        title="IS",
        compute=compute_is,
        higher_is_better=True,
        needs=("logits",),
        range="1 to the number of the extractor's classes",
        paper="https://arxiv.org/abs/1606.03498",
        limits="Blind to the reference and to variety within a class; says little on images unlike ImageNet.",
    ),
]

_MANIFOLD = [
    MetricInfo(
        id="precision",
        title="Precision",
        compute=compute_precision,
        higher_is_better=True,
        needs=("reference",),
        range="0 to 1",
        paper="https://arxiv.org/abs/1904.06991",
        limits="k = 3, <=. One outlier among the real images can make it high. Depends on n.",
    ),
    MetricInfo(
        id="recall",
        title="Recall",
        compute=compute_recall,
        higher_is_better=True,
        needs=("reference",),
        range="0 to 1",
        paper="https://arxiv.org/abs/1904.06991",
        limits="k = 3, <=. One outlier among the samples can make it high. Depends on n.",
    ),
    MetricInfo(
        id="density",
        title="Density",
        compute=compute_density,
        higher_is_better=True,
        needs=("reference",),
        range="0 and up; about 1 for real images",
        paper="https://arxiv.org/abs/2002.09797",
        limits="k = 5, <. Above 1 where samples crowd round the dense parts of the data.",
    ),
    MetricInfo(
        id="coverage",
        title="Coverage",
        compute=compute_coverage,
        higher_is_better=True,
        needs=("reference",),
        range="0 to 1",
        paper="https://arxiv.org/abs/2002.09797",
        limits="k = 5, <. Depends on n: real images reach 1 - 2^-k only for equal n.",
    ),
]

_CONTENT = [
    MetricInfo(
        id="modes",
        title="Modes covered",
        compute=compute_modes,
        higher_is_better=True,
        needs=("classifier",),
        uses_extractor=False,
        range="0 to the number of classes",
        paper="https://arxiv.org/abs/1712.04086",
        limits="The classifier names a class for any image, noise too. Counts classes, not variety within them.",
    ),
    MetricInfo(
        id="mode_kl",
        title="Reverse KL of modes",
        compute=compute_mode_kl,
        higher_is_better=False,
        needs=("classifier",),
        uses_extractor=False,
        range="0 to the log of the number of classes for balanced data (nats)",
        paper="https://arxiv.org/abs/1705.07761",
        limits="As for modes; biased upwards by about (classes - 1) / 2n.",
    ),
    MetricInfo(
        id="nn_feature",
        title="Nearest training image",
        compute=compute_nn_feature,
        higher_is_better=None,
        needs=("train",),
        range="0 and up; 0 for copies",
        paper="https://arxiv.org/abs/2004.05675",
        limits="Far below the held-out images: copies. Far above: unlike the data.",
    ),
    MetricInfo(
        id="nn_lpips",
        title="LPIPS to nearest training image",
        compute=compute_nn_lpips,
        higher_is_better=None,
        needs=("train", "lpips"),
        range="0 to about 1; 0 for copies",
        paper="https://arxiv.org/abs/1801.03924",
        limits="The neighbour is nearest in the extractor's space, not in LPIPS.",
    ),
]
