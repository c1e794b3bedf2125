"""Neighbours and balls are exact, ties included, where float32 alone would not be."""

import sys
import tracemalloc

import faiss
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ganbench.metrics import neighbours
from ganbench.metrics.neighbours import Balls, ball_counts, manifold_radii, nearest, pair_distances


def points(n, dim=5, seed=0, offset=0.0):
    return (np.random.default_rng(seed).normal(size=(n, dim)) + offset).astype(np.float32)


def grid(n, seed):
    """Whole numbers: many equal distances, all exact in float64."""
    return np.random.default_rng(seed).integers(-2, 3, (n, 3)).astype(np.float32)


@pytest.mark.parametrize("offset", [0.0, 1000.0])
def test_neighbours_are_those_of_a_full_float64_search(offset):
    queries, base = points(40, offset=offset), points(60, seed=1, offset=offset)
    full = cdist(queries.astype(np.float64), base.astype(np.float64), "sqeuclidean")
    distances, indexes = nearest(queries, base, 4)
    np.testing.assert_allclose(distances, np.sort(full, axis=1)[:, :4], rtol=1e-9)
    np.testing.assert_array_equal(indexes, np.argsort(full, axis=1)[:, :4])


def test_a_query_in_the_base_is_its_own_neighbour_at_exactly_zero():
    base = points(50, offset=300)
    distances, indexes = nearest(base, base, 1)
    assert (distances == 0).all()
    np.testing.assert_array_equal(indexes[:, 0], np.arange(50))


def test_radii_leave_the_point_itself_out_but_count_its_copies():
    features = np.array([[0.0], [0.0], [1.0], [3.0]], np.float32)
    np.testing.assert_array_equal(manifold_radii(features, 1), [0, 0, 1, 4])
    np.testing.assert_array_equal(manifold_radii(features, 2), [1, 1, 1, 9])


@pytest.mark.parametrize("k", [0, 4])
def test_k_out_of_range_is_refused(k):
    with pytest.raises(ValueError, match="1 <= k <= 3"):
        nearest(points(2), points(3), k)


def members(a, b, balls):
    """Membership [N, M] by a full float64 search."""
    full = cdist(a.astype(np.float64), b.astype(np.float64), "sqeuclidean")
    limits = balls.radii[:, None] if balls.centres == "a" else balls.radii[None]
    return full <= limits if balls.surface == "<=" else full < limits


def families(a, b):
    sides = {"a": a, "b": b}
    return [
        Balls(side, manifold_radii(sides[side], k), surface)
        for side, k, surface in (("b", 3, "<="), ("a", 3, "<="), ("b", 5, "<"), ("a", 2, "<"))
    ]


@pytest.mark.parametrize("make", [grid, lambda n, seed: points(n, seed=seed, offset=500)])
def test_one_pass_counts_all_families_as_a_full_float64_search_does(make):
    a, b = make(700, seed=0), make(90, seed=1)
    asked = families(a, b)
    for balls, counts in zip(asked, ball_counts(a, b, asked), strict=True):
        member = members(a, b, balls)
        np.testing.assert_array_equal(counts.per_a, member.sum(axis=1))
        np.testing.assert_array_equal(counts.per_b, member.sum(axis=0))


@pytest.mark.parametrize("tile", [(5, 3), (7, 13), (64, 4096)])
def test_counts_depend_neither_on_the_tiles_nor_on_the_order(tile, monkeypatch):
    a, b = grid(150, 0), grid(120, 1)
    asked = families(a, b)
    expected = ball_counts(a, b, asked)
    monkeypatch.setattr(neighbours, "_TILE_ROWS", tile[0])
    monkeypatch.setattr(neighbours, "_TILE_COLUMNS", tile[1])
    order_a, order_b = np.random.default_rng(2).permutation(150), np.random.default_rng(3).permutation(120)
    orders = {"a": order_a, "b": order_b}
    moved = [balls._replace(radii=balls.radii[orders[balls.centres]]) for balls in asked]
    for counts, before in zip(ball_counts(a[order_a], b[order_b], moved), expected, strict=True):
        np.testing.assert_array_equal(counts.per_a, before.per_a[order_a])
        np.testing.assert_array_equal(counts.per_b, before.per_b[order_b])


def test_a_copy_at_exactly_the_radius_is_judged_by_the_rule():
    real = points(200, dim=64, offset=20)
    radii = manifold_radii(real, 3)
    on_surface = nearest(real, real, 4)[1][:, 3]  # copies of each image's third neighbour lie exactly on its ball
    both = ball_counts(real[on_surface], real, [Balls("b", radii, "<="), Balls("b", radii, "<")])
    assert (both[0].per_a > both[1].per_a).all()


def collapsed(n, seed, spread=1e-4):
    """Far from the rest and so near to each other that float32 cannot order them round a common origin."""
    rng = np.random.default_rng(seed)
    return (10 + spread * rng.normal(size=(n, 64))).astype(np.float32)


def wrong_float32_search(queries, base, k):
    """Takes FAISS's order in float32 as it is, with 8 spare candidates."""
    centre = base.mean(axis=0)
    candidates = faiss.knn(queries - centre, base - centre, k + 8)[1]
    exact = np.stack(
        [np.square(base[c].astype(np.float64) - q).sum(axis=1) for q, c in zip(queries, candidates, strict=True)]
    )
    return np.sort(exact, axis=1)[:, :k]


def test_neighbours_within_a_collapsed_cluster_are_exact():
    base = np.concatenate([collapsed(1500, 0), points(500, dim=64, offset=-10)])
    full = np.sort(cdist(base.astype(np.float64), base.astype(np.float64), "sqeuclidean"), axis=1)[:, :4]
    distances, indexes = nearest(base, base, 4)
    np.testing.assert_allclose(distances, full, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(distances[:, 1], pair_distances(base, base, np.arange(2000), indexes[:, 1]))
    assert not np.allclose(wrong_float32_search(base, base, 4), full, rtol=1e-9, atol=1e-15)


def test_balls_within_a_collapsed_cluster_are_exact():
    a = np.concatenate([collapsed(200, 0), points(200, dim=64, offset=-10)])
    b = np.concatenate([collapsed(200, 1), points(200, seed=2, dim=64, offset=-10)])
    asked = families(a, b)
    for balls, counts in zip(asked, ball_counts(a, b, asked), strict=True):
        np.testing.assert_array_equal(counts.per_a, members(a, b, balls).sum(axis=1))


def test_float32_rounding_stays_within_what_is_decided_again():
    for dim in (2, 64, 2048):
        a, b = points(300, dim), points(300, dim, seed=1)
        exact = cdist(a.astype(np.float64), b.astype(np.float64), "sqeuclidean")
        scale = np.square(a).sum(axis=1)[:, None] + np.square(b).sum(axis=1)
        rough = scale - 2 * a @ b.T
        assert np.max(np.abs(rough - exact) / scale) < neighbours._rounding(dim, np.float32) / 3


class FakeGpu:
    """FAISS on a machine with a GPU: remembers how it was asked."""

    def __init__(self, num_gpus):
        self.num_gpus, self.calls = num_gpus, []

    def get_num_gpus(self):
        return self.num_gpus

    def StandardGpuResources(self):  # noqa: N802
        return "resources"

    def knn(self, queries, base, k):
        self.calls.append("cpu")
        return faiss.knn(queries, base, k)

    def knn_gpu(self, resources, queries, base, k, *, device, vectorsMemoryLimit, queriesMemoryLimit):
        assert resources == "resources"
        assert 0 < vectorsMemoryLimit <= 2**30
        assert 0 < queriesMemoryLimit <= 2**30
        self.calls.append(device)
        return faiss.knn(queries, base, k)


@pytest.mark.parametrize(
    ("num_gpus", "device", "expected"), [(1, "cuda", 0), (2, "cuda:1", 1), (1, "cpu", "cpu"), (0, "cuda", "cpu")]
)
def test_a_gpu_searches_where_there_is_one_and_it_is_the_device(num_gpus, device, expected, monkeypatch):
    fake = FakeGpu(num_gpus)
    monkeypatch.setitem(sys.modules, "faiss", fake)
    result = nearest(points(20), points(30, seed=1), 3, device)
    assert fake.calls == [expected]
    monkeypatch.undo()
    np.testing.assert_array_equal(result[1], nearest(points(20), points(30, seed=1), 3)[1])


def test_pair_distances_are_symmetric_to_the_last_bit():
    a, b = points(3000, dim=33), points(3000, dim=33, seed=1)
    rows = np.arange(3000)
    np.testing.assert_array_equal(pair_distances(a, b, rows, rows), pair_distances(b, a, rows, rows))


@pytest.mark.slow
def test_twenty_thousand_images_need_no_matrix_of_all_pairs():
    """All pairs would be 1,600 MB in float32. Beside a copy of each side there are only tiles and candidates."""
    a, b = points(20_000, dim=64), points(20_000, dim=64, seed=1)
    tracemalloc.start()
    ball_counts(a, b, families(a, b))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < a.nbytes + b.nbytes + 100e6


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("side", [0, 1])
def test_features_that_are_no_numbers_are_refused_by_their_count(bad, side):
    pair = [points(40), points(40, seed=1)]
    pair[side][[3, 8], 2] = bad, -bad
    with pytest.raises(ValueError, match="NaN or infinity in 2 of 40 images"):
        nearest(*pair, 1)
    with pytest.raises(ValueError, match="NaN or infinity in 2 of 40 images"):
        ball_counts(*pair, [Balls("b", np.ones(40), "<=")])
    with pytest.raises(ValueError, match="NaN or infinity in 2 of 40 images"):
        manifold_radii(pair[side], 1)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("apart", [0.0, 2.0])
def test_sets_of_one_image_each_follow_the_surface(dtype, apart):
    """Without any spread float32 has no rounding to leave open, and a tie must be decided all the same."""
    a, b = np.full((30, 16), 0.1 + apart, dtype), np.full((40, 16), 0.1, dtype)
    asked = [Balls(side, manifold_radii({"a": a, "b": b}[side], 5), rule) for side in "ab" for rule in ("<=", "<")]
    for balls, counts in zip(asked, ball_counts(a, b, asked), strict=True):
        member = members(a, b, balls)
        np.testing.assert_array_equal(counts.per_a, member.sum(axis=1))
        np.testing.assert_array_equal(counts.per_b, member.sum(axis=0))


def test_sets_of_one_image_need_no_sum_for_each_pair(monkeypatch):
    a = np.full((3000, 64), 0.1, np.float32)
    balls = Balls("b", np.zeros(3000), "<")
    summed = []
    plain = neighbours.pair_distances
    monkeypatch.setattr(
        neighbours, "pair_distances", lambda a, b, rows, columns: summed.append(len(rows)) or plain(a, b, rows, columns)
    )
    assert not ball_counts(a, a, [balls])[0].per_a.any()
    assert sum(summed) == 0
