"""Nearest neighbours and ball membership, exact in float64, without an N x N matrix.

FAISS (Johnson et al. 2017, arXiv:1702.08734) proposes in float32; distances that decide something are computed again in
float64 as sums of squared differences. That sum does not depend on the order of the pair or on the block it lies in,
so an image at exactly the radius of a ball is judged the same everywhere. Both sides are centred first, which keeps
float32's rounding small beside the distances.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32] | npt.NDArray[np.float64]

_SPARE = 8  # candidates beyond k, so that float32's order cannot lose a true neighbour
_BLOCK_ROWS = 512
_PAIRS = 2048
_BORDERLINE = 1e-5  # of the sum of the two squared norms: several times float32's error at 2048 dimensions


def nearest(queries: Floats, base: Floats, k: int) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """The k nearest rows of `base` [M, D] to each row of `queries` [N, D], nearest first.

    Returns: Squared Euclidean distances float64 [N, k] and indexes int64 [N, k]. A query that is itself in the base is
    its own first neighbour. Raises ValueError unless 1 <= k <= M.
    """
    import faiss  # noqa: PLC0415  # heavy, and most of the package works without it

    if not 1 <= k <= len(base):
        raise ValueError(f"expected 1 <= k <= {len(base)} (rows of the base), got k = {k}")
    centre = base.mean(axis=0, dtype=np.float64)
    width = min(k + _SPARE, len(base))
    _, candidates = faiss.knn(_centred(queries, centre), _centred(base, centre), width)
    rows = np.repeat(np.arange(len(queries)), width)
    exact = pair_distances(queries, base, rows, candidates.ravel()).reshape(candidates.shape)
    order = np.argsort(exact, axis=1, kind="stable")[:, :k]
    return np.take_along_axis(exact, order, axis=1), np.take_along_axis(candidates, order, axis=1)


def manifold_radii(features: Floats, k: int) -> npt.NDArray[np.float64]:
    """Squared distance of each row of [N, D] to its k-th nearest other row, float64 [N]; needs k < N."""
    return nearest(features, features, k + 1)[0][:, k]


def ball_counts(
    points: Floats, centres: Floats, radii: npt.NDArray[np.float64], *, inclusive: bool
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """How many balls hold each point, int64 [N], and how many points each ball holds, int64 [M].

    `radii` are the squared radii float64 [M] of the balls round `centres` [M, D]; a point on the surface counts as
    inside when `inclusive`.
    """
    origin = centres.mean(axis=0, dtype=np.float64)
    near_points, near_centres = _centred(points, origin), _centred(centres, origin)
    norms = np.einsum("ij,ij->i", near_centres, near_centres)
    per_point = np.zeros(len(points), np.int64)
    per_ball = np.zeros(len(centres), np.int64)
    for start in range(0, len(points), _BLOCK_ROWS):
        block = near_points[start : start + _BLOCK_ROWS]
        scale = np.einsum("ij,ij->i", block, block)[:, None] + norms  # [B, M]
        excess = scale - 2 * (block @ near_centres.T) - radii.astype(np.float32)
        inside = excess < 0
        rows, columns = np.nonzero(np.abs(excess) <= _BORDERLINE * scale)
        exact = pair_distances(points, centres, rows + start, columns)
        inside[rows, columns] = exact <= radii[columns] if inclusive else exact < radii[columns]
        per_point[start : start + len(block)] = inside.sum(axis=1)
        per_ball += inside.sum(axis=0)
    return per_point, per_ball


def pair_distances(
    a: Floats, b: Floats, rows_a: npt.NDArray[np.integer], rows_b: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Squared distances float64 [P] of the pairs (a[rows_a[i]], b[rows_b[i]])."""
    distances = np.empty(len(rows_a), np.float64)
    for start in range(0, len(rows_a), _PAIRS):
        part = slice(start, start + _PAIRS)
        difference = a[rows_a[part]].astype(np.float64) - b[rows_b[part]]
        distances[part] = np.square(difference, out=difference).sum(axis=1)
    return distances


def _centred(features: Floats, centre: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    return np.ascontiguousarray(features - centre, dtype=np.float32)
