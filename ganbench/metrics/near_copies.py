"""Copies: the share of samples that are nearly a training image, beyond what new real images would be by chance.

Papers: Carlini et al. 2023, arXiv:2301.13188 (a distance means little by itself: it is compared with the training
images' distances round the one found); Meehan et al. 2020, arXiv:2004.05675 (held-out images say what is near).

The relative distance of an image x is its feature distance to the nearest training image t, over the distance of t to
its own fifth nearest other training image. A near-copy is a sample whose relative distance is no larger than that of
the nearest 1 % of held-out images (at least one of them). Held-out images are no copies, yet a share b of them (about
1 %) is flagged: so with a share a of flagged samples, the share of copies is

    p = (a - b) / (1 - b),   at least 0

Choices. Relative rather than plain distances, on which the plainest images are always nearest: at the same 1 % of
held-out images, plain distances find 23 % of digits copied with a shift by one pixel and 86 % of mirrored photos,
relative ones 64 % and 99 % (EfficientNet-Lite0, 6,000 training images). Carlini et al. divide by the mean distance of
the 50 nearest, which needs a search of its own and finds fewer of both. The fifth neighbour keeps images that the
training set holds several times from hiding copies. Where five others are equal to t, x is a copy only if it equals t.

Interval: the low end corrects with Wilson's upper limit of b as well as with the lower one of a, each moved in turn and
added as squares (MOVER; Zou and Donner 2008, doi:10.1002/sim.3095). The high end is Wilson's upper limit of a, not
corrected: samples that are no copies may be unlike the data and then are never flagged by chance.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.inputs import Neighbours
from ganbench.metrics.intervals import wilson_interval
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

FLAGGED_HELDOUT = 0.01  # of the held-out images
MIN_HELDOUT = 20
SCALE_K = 5
NUM_PAIRS = 16  # in the details
CI_METHOD = (
    "Wilson limits of the flagged shares of samples and held-out images, combined; the high end without correction"
)
Floats = npt.NDArray[np.float64]


def relative_distances(neighbours: Neighbours, radii: Floats) -> Floats:
    """Distance to the nearest training image [N] over that image's own radius [M]; 0 for equal images."""
    distances, scale = neighbours.distances, radii[neighbours.indexes]
    far = np.where(distances > 0, np.inf, 0.0)
    return np.divide(distances, scale, out=far, where=scale > 0)


def flag_threshold(heldout: Floats) -> float:
    """The relative distance up to which 1 % of the held-out images lie, or the nearest one below 100 images."""
    rank = max(1, math.floor(FLAGGED_HELDOUT * len(heldout)))
    return float(np.partition(heldout, rank - 1)[rank - 1])


def copied_share(
    num_flagged: int, num_samples: int, heldout_flagged: int, num_heldout: int
) -> tuple[float, tuple[float, float]]:
    """The share of copies and its 95 % interval. Raises ValueError where all held-out images are flagged."""
    if heldout_flagged == num_heldout:
        raise ValueError(f"all {num_heldout} held-out images are flagged, so nothing can be told from samples")
    share, chance = num_flagged / num_samples, heldout_flagged / num_heldout
    least, most = wilson_interval(num_flagged, num_samples)
    most_chance = wilson_interval(heldout_flagged, num_heldout)[1]
    value = _corrected(share, chance)
    low = value - math.hypot(value - _corrected(least, chance), value - _corrected(share, most_chance))
    return max(value, 0.0), (max(low, 0.0), most)


def compute_copies(inputs: MetricInputs) -> MetricResult:
    """Share of near-copies of training images among the samples."""
    heldout, num_train = inputs.heldout_neighbours, len(inputs.train.features)
    if heldout is None or len(heldout.distances) < MIN_HELDOUT:
        found = 0 if heldout is None else len(heldout.distances)
        raise MetricUnavailableError(
            f"copies are told by {MIN_HELDOUT} or more real images that the generator has not seen, and there are "
            f"{found}: name them with --heldout REF"
        )
    if num_train < 2:
        raise MetricUnavailableError("copies need at least 2 training images")
    radii = np.sqrt(inputs.train_radii(min(SCALE_K, num_train - 1)))
    ours, theirs = relative_distances(inputs.neighbours, radii), relative_distances(heldout, radii)
    threshold = flag_threshold(theirs)
    num_flagged, heldout_flagged = int((ours <= threshold).sum()), int((theirs <= threshold).sum())
    if heldout_flagged == len(theirs):
        raise MetricUnavailableError(
            "copies cannot be told: the held-out images are training images, or the training images are all alike"
        )
    value, interval = copied_share(num_flagged, len(ours), heldout_flagged, len(theirs))
    details: dict[str, Any] = {
        "num_flagged": num_flagged,
        "heldout_flagged": heldout_flagged,
        "num_heldout": len(theirs),
        "threshold": threshold,
        "scale_k": min(SCALE_K, num_train - 1),
        "num_equal": int((ours == 0).sum()),
        "nearest": _nearest_pairs(inputs.neighbours, ours),
    }
    return MetricResult(value, interval, CI_METHOD, len(ours), num_train, details)


def _corrected(flagged: float, chance: float) -> float:
    return (flagged - chance) / (1 - chance)


def _nearest_pairs(neighbours: Neighbours, relative: Floats) -> list[dict[str, Any]]:
    """The samples that are most like a training image, nearest first."""
    chosen = np.argsort(relative, kind="stable")[:NUM_PAIRS]
    chosen = chosen[np.isfinite(relative[chosen])]
    return [
        {"sample": int(i), "train": int(neighbours.indexes[i]), "relative_distance": float(relative[i])} for i in chosen
    ]


COPIES = MetricInfo(
    id="copies",
    title="Near-copies",
    compute=compute_copies,
    higher_is_better=False,
    needs=("train", "heldout"),
    description="The share of samples that are nearly a training image, beyond what new real images would be.",
    range="0 to 1; 0 for new real images, 1 for copies",
    bounds=(0, 1),
    interval="Sampling of the generated and the held-out images. From the share corrected for chance to the share "
    "before that correction, since samples unlike the data are not flagged by chance.",
    choices="Distance to the nearest training image over that image's distance to its fifth nearest other one, in the "
    "extractor's features. Near is what the nearest 1 % of the held-out images are. The details name the nearest "
    "pairs.",
    cost="Nothing beyond nn_feature and authenticity, whose searches it uses.",
    limits="Copies that the extractor does not see as such are missed: of digits shifted by one pixel it finds two in "
    "three with EfficientNet-Lite0, of digits under slight noise none, of photos under slight noise nine in ten. "
    "Shares below about 1 % are not told from 0. Samples that all look like the most common images can be flagged "
    "without being copies: look at the pairs in the report. The interval takes samples as independent, and is too "
    "short for those of a generator that repeats a few images.",
    paper="https://arxiv.org/abs/2301.13188",
)
