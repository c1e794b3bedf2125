"""Neighbours and balls are exact, ties included, where float32 alone would not be."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from ganbench.metrics.neighbours import ball_counts, manifold_radii, nearest, pair_distances


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


@pytest.mark.parametrize("inclusive", [True, False])
@pytest.mark.parametrize("make", [grid, lambda n, seed: points(n, seed=seed, offset=500)])
def test_balls_are_those_of_a_full_float64_search(make, inclusive):
    inside_points, centres = make(700, seed=0), make(90, seed=1)
    radii = manifold_radii(centres, 3)
    full = cdist(inside_points.astype(np.float64), centres.astype(np.float64), "sqeuclidean")
    member = full <= radii if inclusive else full < radii
    per_point, per_ball = ball_counts(inside_points, centres, radii, inclusive=inclusive)
    np.testing.assert_array_equal(per_point, member.sum(axis=1))
    np.testing.assert_array_equal(per_ball, member.sum(axis=0))


def test_a_copy_at_exactly_the_radius_is_judged_by_the_rule():
    real = points(200, dim=64, offset=20)
    radii = manifold_radii(real, 3)
    on_surface = nearest(real, real, 4)[1][:, 3]  # copies of each image's third neighbour lie exactly on its ball
    with_surface = ball_counts(real[on_surface], real, radii, inclusive=True)[0]
    without = ball_counts(real[on_surface], real, radii, inclusive=False)[0]
    assert (with_surface > without).all()


def test_pair_distances_are_symmetric_to_the_last_bit():
    a, b = points(3000, dim=33), points(3000, dim=33, seed=1)
    rows = np.arange(3000)
    np.testing.assert_array_equal(pair_distances(a, b, rows, rows), pair_distances(b, a, rows, rows))
