"""Improved precision and recall: shares of images inside the other set's k-nearest-neighbour manifold.

Paper: Kynkäänniemi et al. 2019, arXiv:1904.06991. Reference code: torch-fidelity `metric_prc.py`.

Precision: the share of samples that lie in a ball round some real image, its radius the distance to that image's k-th
nearest other real image. Recall: the same with the roles exchanged. Choices: k and whether the surface is inside are
the protocol's; unless it says otherwise k = 3 with the surface (<=), as in torch-fidelity and StyleGAN. StudioGAN uses
k = 5; the package prdc uses k = 5 without the surface (<). Distances that decide are float64.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import wilson_interval
from ganbench.metrics.neighbours import Balls, Floats, Surface, ball_counts, manifold_radii
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

K = 3


def precision(samples: Floats, reference: Floats, k: int = K, surface: Surface = "<=") -> float:
    """Share of samples [N, D] inside the manifold of the reference [M, D]; needs k < M."""
    balls = Balls("b", manifold_radii(reference, k), surface)
    return float((ball_counts(samples, reference, [balls])[0].per_a > 0).mean())


def recall(samples: Floats, reference: Floats, k: int = K, surface: Surface = "<=") -> float:
    """Share of reference images [M, D] inside the manifold of the samples [N, D]; needs k < N."""
    balls = Balls("a", manifold_radii(samples, k), surface)
    return float((ball_counts(samples, reference, [balls])[0].per_b > 0).mean())


def usable_k(asked: int, num_images: int, whose: str) -> tuple[int, dict[str, Any]]:
    """The neighbour that a ball reaches to among `num_images` of `whose`, with a note where that is not the one asked.

    Raises MetricUnavailableError below 2 images, which have no neighbour.
    """
    if num_images < 2:
        raise MetricUnavailableError(f"neighbourhoods need at least 2 {whose}, got {num_images}")
    k = min(asked, num_images - 1)
    if k == asked:
        return k, {}
    return k, {"note": f"k = {k} instead of {asked}, since there are only {num_images} {whose}"}


def compute_precision(inputs: MetricInputs) -> MetricResult:
    """Precision of the samples against the reference."""
    k, note = usable_k(inputs.protocol.manifold_k, len(inputs.reference.features), "reference images")
    method = "Wilson score interval over the samples; the real images' manifold is taken as given"
    return _result(inputs, inputs.manifolds.reference.per_a > 0, method, {"k": k, **note})


def compute_recall(inputs: MetricInputs) -> MetricResult:
    """Recall of the reference by the samples."""
    k, note = usable_k(inputs.protocol.manifold_k, len(inputs.samples.features), "samples")
    method = "Wilson score interval over the reference images; the samples are taken as given"
    return _result(inputs, inputs.manifolds.samples.per_b > 0, method, {"k": k, **note})


def _result(inputs: MetricInputs, inside: npt.NDArray[np.bool_], method: str, details: dict[str, Any]) -> MetricResult:
    return MetricResult(
        float(inside.mean()),
        wilson_interval(int(inside.sum()), len(inside)),
        method,
        len(inputs.samples.features),
        len(inputs.reference.features),
        {**details, "surface": inputs.protocol.manifold_surface},
    )


_PAPER = "https://arxiv.org/abs/1904.06991"
_CODE = "https://github.com/kynkaat/improved-precision-and-recall-metric"
_CHOICES = (
    "k and whether the surface of a ball is inside are the protocol's (ganbench-v1: k = 3, <=) and stand in the "
    "result; with no more than k images k is one less than their number, and the result says so. float64 decides "
    "distances."
)
_COST = "Two searches for neighbours and one pass over all pairs, shared by precision, recall, density and coverage."

PRECISION = MetricInfo(
    id="precision",
    title="Precision",
    compute=compute_precision,
    higher_is_better=True,
    needs=("reference",),
    description="The share of samples that lie among the real images: how realistic they are.",
    range="0 to 1",
    bounds=(0, 1),
    interval="Other samples of the same generator, with the real images' neighbourhoods taken as given: Wilson's score "
    "interval.",
    choices=_CHOICES,
    cost=_COST,
    limits="One outlier among the real images has a large ball and can make it high. Depends on n and k: compare only "
    "equal ones. Copies of one real image have precision 1.",
    paper=_PAPER,
    reference_code=_CODE,
)
RECALL = MetricInfo(
    id="recall",
    title="Recall",
    compute=compute_recall,
    higher_is_better=True,
    needs=("reference",),
    description="The share of real images that lie among the samples: how much of the data's variety is there.",
    range="0 to 1",
    bounds=(0, 1),
    interval="Other real images, with the samples taken as given: Wilson's score interval. It does not say how much "
    "other samples of the same generator would change the value.",
    choices=_CHOICES,
    cost=_COST,
    limits="One outlier among the samples has a large ball and can make it high. Depends on n and k: compare only "
    "equal ones.",
    paper=_PAPER,
    reference_code=_CODE,
)
