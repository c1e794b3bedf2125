"""A fixed division of one set of images into two halves, class by class."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ganbench.errors import DataError

Indices = npt.NDArray[np.int64]


def stratified_halves(
    labels: npt.NDArray[np.int64] | None, num_samples: int, seed: int, name: str
) -> tuple[Indices, Indices]:
    """Indices of two disjoint halves, each in random order; of each class, the first half gets the odd one.

    The permutation is `numpy.random.RandomState(seed).permutation`, whose stream numpy has frozen for good (NEP 19).
    Without labels all samples count as one class.

    Raises:
        DataError: The second half would be empty; `name` is the dataset's.
    """
    order = np.random.RandomState(seed).permutation(num_samples).astype(np.int64)
    classes = np.zeros(num_samples, dtype=np.int64) if labels is None else labels[order]
    first = np.zeros(num_samples, dtype=bool)
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        first[members[: (len(members) + 1) // 2]] = True
    if first.all():
        raise DataError(f"{name}: too few images ({num_samples}) to divide into a train and a test half.")
    return order[first], order[~first]
