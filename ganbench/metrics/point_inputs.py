"""What the metrics of points share: the samples, the mixture they should follow, and which mode each sample shows."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from ganbench.types import MetricUnavailableError, Mixture, PointDataset, PointSet

HIGH_QUALITY = 3.0  # standard deviations from the nearest centre


@dataclass(frozen=True)
class PointInputs:
    """Generated points, and the data that they are measured against; `seed` is of whatever a metric draws."""

    samples: PointSet
    dataset: PointDataset
    seed: int = 0

    @property
    def mixture(self) -> Mixture:
        """The data's law. Raises MetricUnavailableError where it is not known."""
        if self.dataset.mixture is None:
            raise MetricUnavailableError(
                f"the modes of '{self.dataset.name}' are not known: give its PointDataset a `mixture`"
            )
        return self.dataset.mixture

    @cached_property
    def modes(self) -> npt.NDArray[np.int64]:
        """The mode that each sample shows, int64 [N]: that of the nearest centre, or -1 beyond 3 sigma from it."""
        points, mixture = self.samples.points.astype(np.float64), self.mixture
        distances = np.stack([np.linalg.norm(points - centre, axis=1) for centre in mixture.centres], axis=1)  # [N, K]
        shown = distances.min(axis=1) < HIGH_QUALITY * mixture.sigma  # never of a point that is not finite
        return np.where(shown, distances.argmin(axis=1), -1)

    @cached_property
    def counts(self) -> npt.NDArray[np.int64]:
        """How many samples show each mode, int64 [K]."""
        return np.bincount(self.modes[self.modes >= 0], minlength=len(self.mixture.centres))
