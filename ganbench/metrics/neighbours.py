"""Nearest neighbours and ball membership, exact in float64, without an N x N matrix.

FAISS (Johnson et al. 2017, arXiv:1702.08734) proposes neighbours in float32, on a GPU where it has one; a matrix
product in float32 proposes membership. What float32 leaves open is decided in float64 as a sum of squared differences.
That sum does not depend on the order of the pair or on the block it lies in, so an image at exactly the radius of a
ball is judged the same everywhere. Both sides are centred first, which keeps float32's rounding small beside the
distances. Where so much is open that pairs are too many (a collapsed generator, whose samples all lie together), a
matrix product in float64 narrows it down first.

Memory beside the features: one centred float32 copy of each side and tiles of fixed size.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.finite import finite_mean

Floats = npt.NDArray[np.float32] | npt.NDArray[np.float64]
Indexes = npt.NDArray[np.int64]
Tile = npt.NDArray[np.float64]

_SPARE = (
    3  # candidates beyond k; a query whose last candidate is not clearly beyond its k-th neighbour is searched again
)
_TILE_ROWS, _TILE_COLUMNS = 512, 4096
_PAIR_ELEMENTS = 1 << 19  # 4 MB of float64 differences: they stay in the processor's cache
_FEW_PAIRS = 1 / 64  # of a tile: below that, summing pair by pair beats a matrix product in float64
_GPU_BYTES = 1 << 30  # of each side that are on the GPU at a time

Side = Literal["a", "b"]
Surface = Literal["<=", "<"]


class Balls(NamedTuple):
    """A ball round each row of one side, with its squared radius (float64); "<=" takes the surface as inside."""

    centres: Side
    radii: npt.NDArray[np.float64]
    surface: Surface


class BallCounts(NamedTuple):
    """Per row of a, int64 [N], and per row of b, int64 [M]: the balls that hold it, or the rows that its ball holds."""

    per_a: Indexes
    per_b: Indexes


def nearest(queries: Floats, base: Floats, k: int, device: str = "cpu") -> tuple[npt.NDArray[np.float64], Indexes]:
    """The k nearest rows of `base` [M, D] to each row of `queries` [N, D], nearest first.

    Returns: Squared Euclidean distances float64 [N, k] and indexes int64 [N, k]. Equal distances are in order of their
    index, as far as candidates go. `device` "cuda" lets FAISS propose on a GPU where it sees one. Raises ValueError
    unless 1 <= k <= M, and for features that are NaN or infinite.
    """
    if not 1 <= k <= len(base):
        raise ValueError(f"expected 1 <= k <= {len(base)} (rows of the base), got k = {k}")
    origin = finite_mean(base)
    if queries is not base:
        finite_mean(queries)
    near_base = _centred(base, origin)
    near_queries = near_base if queries is base else _centred(queries, origin)
    width = min(k + _SPARE, len(base))
    rough, candidates = _propose(near_queries, near_base, width, device)
    distances, indexes = _ranked(queries, base, candidates, k)
    if width < len(base):
        norms = np.einsum("ij,ij->i", near_queries, near_queries)
        slack = _rounding(base.shape[1], np.float32) * (3 * norms + 2 * rough[:, -1])  # of any row not proposed
        doubtful = np.flatnonzero((distances[:, -1] > 0) & (distances[:, -1] > rough[:, -1] - slack))
        for start in range(0, len(doubtful), _TILE_ROWS):
            rows = doubtful[start : start + _TILE_ROWS]
            candidates = _propose_in_float64(queries[rows], base, width, origin)
            distances[rows], indexes[rows] = _ranked(queries[rows], base, candidates, k)
    return distances, indexes


def manifold_radii(features: Floats, k: int, device: str = "cpu") -> npt.NDArray[np.float64]:
    """Squared distance of each row of [N, D] to its k-th nearest other row, float64 [N]; needs k < N."""
    return nearest(features, features, k + 1, device)[0][:, k]


def ball_counts(a: Floats, b: Floats, families: Sequence[Balls]) -> list[BallCounts]:
    """Who lies in whose ball, for several families of balls in one pass over the distances of a [N, D] and b [M, D].

    Raises ValueError for features that are NaN or infinite.
    """
    finite_mean(a)
    origin = finite_mean(b)
    near_a, near_b = _centred(a, origin), _centred(b, origin)
    norms_a, norms_b = (np.einsum("ij,ij->i", near, near) for near in (near_a, near_b))
    counts = [BallCounts(np.zeros(len(a), np.int64), np.zeros(len(b), np.int64)) for _ in families]
    for rows, columns in _tiles(len(a), len(b)):
        rough = near_a[rows] @ near_b[columns].T  # [B, C]
        rough *= -2
        rough += norms_a[rows, None]
        rough += norms_b[columns]
        for balls, count in zip(families, counts, strict=True):
            slack = _rounding(b.shape[1], np.float32) * _largest_scale(balls, norms_a[rows], norms_b[columns])
            limits = balls.radii[rows, None] if balls.centres == "a" else balls.radii[None, columns]
            inside = rough < (limits - slack).astype(np.float32)  # strict: without slack a tie is still open
            doubtful = np.flatnonzero((rough <= (limits + slack).astype(np.float32)) != inside)
            inside.flat[doubtful] = _decide(a[rows], b[columns], limits, doubtful, origin, balls.surface)
            count.per_a[rows] += inside.sum(axis=1)
            count.per_b[columns] += inside.sum(axis=0)
    return counts


def pair_distances(
    a: Floats, b: Floats, rows_a: npt.NDArray[np.integer], rows_b: npt.NDArray[np.integer]
) -> npt.NDArray[np.float64]:
    """Squared distances float64 [P] of the pairs (a[rows_a[i]], b[rows_b[i]])."""
    distances = np.empty(len(rows_a), np.float64)
    step = max(_PAIR_ELEMENTS // a.shape[1], 1)
    for start in range(0, len(rows_a), step):
        part = slice(start, start + step)
        difference = a[rows_a[part]].astype(np.float64)
        difference -= b[rows_b[part]]
        distances[part] = np.square(difference, out=difference).sum(axis=1)
    return distances


def _propose(
    queries: npt.NDArray[np.float32], base: npt.NDArray[np.float32], width: int, device: str
) -> tuple[npt.NDArray[np.float32], Indexes]:
    """Squared distances float32 [N, width] and indexes [N, width] of the nearest rows, nearest first."""
    import faiss  # noqa: PLC0415  # heavy, and most of the package works without it

    if not device.startswith("cuda") or not faiss.get_num_gpus():
        distances, indexes = faiss.knn(queries, base, width)
        return distances, indexes
    distances, indexes = faiss.knn_gpu(
        faiss.StandardGpuResources(),
        queries,
        base,
        width,
        device=int(device.partition(":")[2] or 0),
        vectorsMemoryLimit=_GPU_BYTES,
        queriesMemoryLimit=_GPU_BYTES,
    )
    return distances, indexes


def _propose_in_float64(queries: Floats, base: Floats, width: int, origin: npt.NDArray[np.float64]) -> Indexes:
    """Indexes [N, width] of the nearest rows by matrix products in float64, in no order."""
    best, indexes = np.empty((len(queries), 0)), np.empty((len(queries), 0), np.int64)
    for start in range(0, len(base), _TILE_COLUMNS):
        distances, _ = _distances_in_float64(queries, base[start : start + _TILE_COLUMNS], origin)
        added = np.broadcast_to(np.arange(start, start + distances.shape[1]), distances.shape)
        best, indexes = np.concatenate([best, distances], axis=1), np.concatenate([indexes, added], axis=1)
        kept = np.argpartition(best, min(width, best.shape[1]) - 1, axis=1)[:, :width]
        best, indexes = np.take_along_axis(best, kept, axis=1), np.take_along_axis(indexes, kept, axis=1)
    return indexes


def _ranked(queries: Floats, base: Floats, candidates: Indexes, k: int) -> tuple[npt.NDArray[np.float64], Indexes]:
    """The first k of the candidates [N, W] by exact distance, then index."""
    rows = np.repeat(np.arange(len(queries)), candidates.shape[1])
    exact = pair_distances(queries, base, rows, candidates.ravel()).reshape(candidates.shape)
    order = np.lexsort((candidates, exact), axis=1)[:, :k]
    return np.take_along_axis(exact, order, axis=1), np.take_along_axis(candidates, order, axis=1)


def _decide(
    a: Floats,
    b: Floats,
    limits: npt.NDArray[np.float64],
    doubtful: Indexes,
    origin: npt.NDArray[np.float64],
    surface: Surface,
) -> npt.NDArray[np.bool_]:
    """Whether the pairs whose numbers in the tile [B, C] are `doubtful` are within their limits, exactly."""
    rows, columns = np.divmod(doubtful, len(b))
    limit = np.broadcast_to(limits, (len(a), len(b)))[rows, columns]
    if len(doubtful) <= _FEW_PAIRS * len(a) * len(b):
        distances = pair_distances(a, b, rows, columns)
    else:
        tile, scale = _distances_in_float64(a, b, origin)
        distances = tile[rows, columns]
        scale = scale[rows, columns]
        rounding = _rounding(a.shape[1], np.float64) * scale
        open_still = np.flatnonzero((np.abs(distances - limit) <= rounding) & (scale > 0))  # at 0 both are the origin
        distances[open_still] = pair_distances(a, b, rows[open_still], columns[open_still])
    return np.asarray(distances <= limit if surface == "<=" else distances < limit)


def _distances_in_float64(a: Floats, b: Floats, origin: npt.NDArray[np.float64]) -> tuple[Tile, Tile]:
    """Squared distances [B, C] by a matrix product, and the sums of the squared norms that their rounding goes by."""
    near_a, near_b = a - origin, b - origin
    scale = np.einsum("ij,ij->i", near_a, near_a)[:, None] + np.einsum("ij,ij->i", near_b, near_b)
    return scale - 2 * (near_a @ near_b.T), scale


def _largest_scale(balls: Balls, norms_a: npt.NDArray[np.float32], norms_b: npt.NDArray[np.float32]) -> Tile:
    """The largest sum of two squared norms that each ball meets in a tile, in the form of its limits."""
    scale = norms_a[:, None] + norms_b.max() if balls.centres == "a" else norms_a.max() + norms_b[None]
    return np.asarray(scale, np.float64)


def _rounding(dim: int, dtype: npt.DTypeLike) -> float:
    """Error of a squared distance by a matrix product, over the sum of the squared norms: more than is seen."""
    return (2 * math.sqrt(dim) + 8) * float(np.finfo(dtype).eps)


def _tiles(num_rows: int, num_columns: int) -> Iterator[tuple[slice, slice]]:
    for row in range(0, num_rows, _TILE_ROWS):
        for column in range(0, num_columns, _TILE_COLUMNS):
            yield slice(row, row + _TILE_ROWS), slice(column, column + _TILE_COLUMNS)


def _centred(features: Floats, origin: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """float32 [N, D]; any origin near the features does, as long as both sides have the same."""
    return np.ascontiguousarray(features - origin.astype(features.dtype), dtype=np.float32)
