"""The best samples by a stated rule, apart from the uncurated ones: best.npz.

Paper: Kynkäänniemi et al. 2019, arXiv:1904.06991, sections 4.3 and 5. The realism of a sample x is

    R(x) = max over real images y of radius(y) / |x - y|

in feature space, radius(y) being the distance of y to its 3rd nearest other real image: above 1, x lies in the ball of
some y. As in the paper, the half of the real images with the larger radii is left out, since an outlier's ball makes
anything real. Distances are float64, block by block. A copy of a real image has infinite realism.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.neighbours import Floats, pair_distances
from ganbench.results.store import BEST_FILE, write_arrays

NUM_BEST = 32
K = 3
_ROWS, _COLUMNS = 512, 4096
Doubles = npt.NDArray[np.float64]


def realism_scores(samples: Floats, reference: Floats, squared_radii: Doubles) -> Doubles:
    """Realism float64 [N] of samples [N, D] among real images [M, D] with their squared radii [M]."""
    kept = np.flatnonzero(squared_radii <= np.median(squared_radii))
    reference, squared_radii = reference[kept], squared_radii[kept]
    origin = reference.mean(axis=0, dtype=np.float64)
    near_samples, near_reference = samples - origin, reference - origin
    best = [
        _best_in_block(near_samples[start : start + _ROWS], near_reference, squared_radii)
        for start in range(0, len(samples), _ROWS)
    ]
    ball = np.concatenate(best)
    distances = pair_distances(samples, reference, np.arange(len(samples)), ball)
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = np.sqrt(squared_radii[ball] / distances)
    return np.where(distances == 0, np.inf, scores)


def _best_in_block(samples: Doubles, reference: Doubles, squared_radii: Doubles) -> npt.NDArray[np.intp]:
    """Which real image gives each sample its realism, [B]; to the rounding of a matrix product."""
    rows = np.arange(len(samples))
    best, ball = np.full(len(samples), -1.0), np.zeros(len(samples), np.intp)
    norms = np.einsum("ij,ij->i", samples, samples)
    for start in range(0, len(reference), _COLUMNS):
        part, radii = reference[start : start + _COLUMNS], squared_radii[start : start + _COLUMNS]
        distances = norms[:, None] + np.einsum("ij,ij->i", part, part) - 2 * (samples @ part.T)  # [B, C]
        with np.errstate(divide="ignore", invalid="ignore"):
            ratios = np.where(distances > 0, radii / distances, np.inf)
        there = ratios.argmax(axis=1)
        better = ratios[rows, there] > best
        best[better], ball[better] = ratios[rows, there][better], there[better] + start
    return ball


def write_best(folder: Path, inputs: MetricInputs) -> None:
    """Write the samples of highest realism, best first."""
    num_reference = len(inputs.reference.features)
    radii = inputs.reference_radii(min(K, num_reference - 1))
    scores = realism_scores(inputs.samples.features, inputs.reference.features, radii)
    chosen = np.argsort(-scores, kind="stable")[:NUM_BEST]
    write_arrays(
        folder / BEST_FILE,
        {
            "images": inputs.images.samples.take(chosen),
            "realism": scores[chosen].astype(np.float32),
            "index": chosen.astype(np.int64),
        },
    )
