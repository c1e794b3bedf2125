"""Mixtures of Gaussians: PacGAN's centres and spreads, the same points everywhere, and what is refused."""

import itertools
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import chi2

from ganbench.data.load import load_dataset
from ganbench.data.points import draw, grid, ring
from ganbench.data.splits import limited
from ganbench.errors import DataError
from ganbench.registry import load_registry
from ganbench.types import DataSpec, Mixture, PointDataset, PointSet

INFOS = load_registry().datasets


def nearest(points, mixture):
    """Distance to the nearest centre and its number, the slow way."""
    distances = np.array([[np.hypot(*(p - c)) for c in mixture.centres] for p in points.astype(np.float64)])
    return distances.min(axis=1), distances.argmin(axis=1)


@pytest.mark.parametrize(("name", "num_modes", "sigma"), [("ring8", 8, 0.01), ("grid25", 25, 0.05)])
def test_the_points_are_those_of_the_mixture(name, num_modes, sigma):
    dataset = load_dataset(name, INFOS)
    assert dataset.spec == DataSpec("points", dim=2)
    assert (len(dataset.train), len(dataset.test)) == (100_000, 10_000)
    assert dataset.train.points.dtype == np.float32
    assert dataset.train.labels is None
    assert (len(dataset.mixture.centres), dataset.mixture.sigma) == (num_modes, sigma)
    distances, modes = nearest(dataset.test.points[:4000], dataset.mixture)
    shares = np.bincount(modes, minlength=num_modes) / 4000
    assert np.abs(shares - 1 / num_modes).max() < 4 * np.sqrt(1 / num_modes / 4000)
    for radius in (1, 2, 3):  # in σ; the squared distance follows a χ² law of two degrees of freedom
        assert (distances < radius * sigma).mean() == pytest.approx(chi2.cdf(radius**2, 2), abs=0.025)


def test_centres_are_those_of_the_paper():
    circle = load_dataset("ring8", INFOS).mixture.centres
    half = 0.5**0.5
    by_hand = [(1, 0), (half, half), (0, 1), (-half, half), (-1, 0), (-half, -half), (0, -1), (half, -half)]
    np.testing.assert_allclose(circle, by_hand, atol=1e-15)
    square = {tuple(centre) for centre in load_dataset("grid25", INFOS).mixture.centres}
    assert square == set(itertools.product((-4, -2, 0, 2, 4), repeat=2))


def test_the_points_are_the_same_on_every_machine():
    dataset = load_dataset("ring8", INFOS)
    assert dataset.sha256 == load_dataset("ring8", INFOS).sha256
    random = np.random.RandomState(0)  # NEP 19: this stream never changes
    modes, noise = random.randint(8, size=100_000), random.standard_normal((100_000, 2))
    angle = 2 * np.pi * modes[17] / 8
    np.testing.assert_allclose(dataset.train.points[17], [np.cos(angle), np.sin(angle)] + 0.01 * noise[17], rtol=1e-5)
    assert not np.isin(dataset.test.points[:, 0], dataset.train.points[:, 0]).all()


def test_every_part_of_a_dataset_is_in_its_hash():
    points = draw(ring(8, 1.0, 0.01), 50, 0, "a")
    other = draw(ring(8, 1.0, 0.01), 50, 1, "b")
    spec = DataSpec("points", dim=2)
    hashes = {
        PointDataset("x", spec, *parts).sha256
        for parts in (
            (points, points),
            (points, other),
            (other, points),
            (points, PointSet("a", points.points, np.arange(50))),
            (points, points, ring(8, 1.0, 0.01)),
            (points, points, ring(8, 1.0, 0.02)),
            (points, points, ring(7, 1.0, 0.01)),
        )
    }
    assert len(hashes) == 7
    assert PointSet("another name", points.points).sha256 == points.sha256


def test_fewer_training_points_are_some_of_them():
    dataset = load_dataset("grid25", INFOS)
    few = limited(dataset, 500)
    assert len(few.train) == 500
    assert np.isin(few.train.points[:, 0], dataset.train.points[:, 0]).all()
    assert few.test is dataset.test
    assert few.sha256 != dataset.sha256


def test_a_subset_keeps_its_labels():
    points = PointSet("x", np.arange(8, dtype=np.float32).reshape(4, 2), np.array([5, 6, 7, 8]))
    some = points.subset(np.array([3, 1]))
    assert some.points.tolist() == [[6, 7], [2, 3]]
    assert some.labels.tolist() == [8, 6]


def test_a_resolution_is_refused():
    with pytest.raises(DataError, match="ring8: points have no resolution, got 32"):
        load_dataset("ring8", INFOS, 32, Path())


def test_modes_that_cannot_be_told_apart_are_refused():
    assert len(grid([0.0, 0.61], 0.1).centres) == 4
    with pytest.raises(ValueError, match=r"two centres are 0\.59 apart; expected at least 6 sigma, 0\.6"):
        Mixture(np.array([[0.0, 0.0], [0.0, 0.59]]), 0.1)
