"""FD-DINOv2: the Fréchet distance on features of a self-supervised network, nearer to people's judgement than FID.

Paper: Stein et al. 2023, arXiv:2306.04675. Reference code: layer6ai-labs/dgm-eval `dgm_eval/metrics/fd.py`.

The mathematics, the choices and the interval are those of `ganbench.metrics.fid`; only the features differ: the
extractor `dinov2` (ViT-L/14), whatever extractor the evaluation has been given. The reference code divides covariances
by n - 1 as well. Features depend on how images are resized to 224 pixels: the extractor's resizer is in the record.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ganbench.metrics.fid import compute_fid
from ganbench.types import MetricInfo, MetricResult

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs


def compute_fd_dinov2(inputs: MetricInputs) -> MetricResult:
    """Fréchet distance of samples and reference; `inputs` hold the features of DINOv2."""
    return compute_fid(inputs)


FD_DINOV2 = MetricInfo(
    id="fd_dinov2",
    title="FD-DINOv2",
    compute=compute_fd_dinov2,
    higher_is_better=False,
    needs=("reference",),
    extractor="dinov2",
    default=False,
    description="Distance of two Gaussians fitted to DINOv2 features of samples and real images.",
    range="0 and up; 31 for the test images of CIFAR-10 against its training images",
    bounds=(0, None),
    interval="Delta method: the sampling of the generated images at this n, without the bias at small n.",
    choices="As FID: float64, covariance over n - 1. DINOv2 ViT-L/14, 1,024 features.",
    cost="The network is large: a graphics card, or many minutes per 1,000 images.",
    limits="Biased upwards at small n: compare only equal n. Not comparable with FID. "
    "A replay of the training images scores best.",
    paper="https://arxiv.org/abs/2306.04675",
    reference_code="https://github.com/layer6ai-labs/dgm-eval",
)
