"""Points in the plane whose modes are known: `ring8` and `grid25`, mixtures of Gaussians of equal weight.

Paper: Lin et al. 2018, arXiv:1712.04086 (PacGAN), section 4.1, after Srivastava et al. 2017, arXiv:1705.07761 (VEEGAN).
Reference code: fjxmlzn/PacGAN. As there, 8 centres on the circle of radius 1 with σ 0.01, 25 centres at
{-4, -2, 0, 2, 4}² with σ 0.05, and 100,000 training points, each of a mode drawn at random.

The points come from `numpy.random.RandomState`, whose streams numpy has frozen for good (NEP 19), so they are the same
on every machine. They carry no labels: no model is told which mode a point is of.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ganbench.errors import DataError
from ganbench.types import DataSpec, Mixture, PointDataset, PointSet

NUM_TRAIN, NUM_TEST = 100_000, 10_000
TRAIN_SEED, TEST_SEED = 0, 1


def ring(num_modes: int, radius: float, sigma: float) -> Mixture:
    """Gaussians at equal angles on a circle about the origin, the first at (radius, 0)."""
    angles = 2 * np.pi * np.arange(num_modes) / num_modes
    return Mixture(radius * np.stack([np.cos(angles), np.sin(angles)], axis=1), sigma)


def grid(places: list[float], sigma: float) -> Mixture:
    """Gaussians at all pairs of `places`."""
    return Mixture(np.array([(x, y) for x in places for y in places], dtype=np.float64), sigma)


def draw(mixture: Mixture, num_points: int, seed: int, name: str) -> PointSet:
    """Points float32 [num_points, D]: a mode each, all equally likely, then the Gaussian's noise."""
    random = np.random.RandomState(seed)
    modes = random.randint(len(mixture.centres), size=num_points)
    noise = random.standard_normal((num_points, mixture.centres.shape[1]))
    return PointSet(name, (mixture.centres[modes] + mixture.sigma * noise).astype(np.float32))


def load_ring8(path: str | None, resolution: int | None, root: Path) -> PointDataset:
    """`ring8`: 8 Gaussians on the circle of radius 1, σ 0.01. Raises DataError where a resolution is asked for."""
    return _dataset("ring8", ring(8, 1.0, 0.01), resolution)


def load_grid25(path: str | None, resolution: int | None, root: Path) -> PointDataset:
    """`grid25`: 25 Gaussians at {-4, -2, 0, 2, 4}², σ 0.05. Raises DataError where a resolution is asked for."""
    return _dataset("grid25", grid([-4.0, -2.0, 0.0, 2.0, 4.0], 0.05), resolution)


def _dataset(name: str, mixture: Mixture, resolution: int | None) -> PointDataset:
    if resolution is not None:
        raise DataError(f"{name}: points have no resolution, got {resolution}. Leave --resolution out.")
    train = draw(mixture, NUM_TRAIN, TRAIN_SEED, f"{name}:train")
    test = draw(mixture, NUM_TEST, TEST_SEED, f"{name}:test")
    return PointDataset(name, DataSpec("points", dim=mixture.centres.shape[1]), train, test, mixture)
