"""The check that features are numbers: one that is not would pass through sorts and comparisons unseen."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def finite_mean(features: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Mean [D] of features [N, D], float64; zeros where there are no images.

    Raises ValueError where a feature is NaN or infinite.

    Any such value shows in the mean, so where the mean is needed anyway the check costs nothing.
    """
    if len(features) == 0:
        return np.zeros(features.shape[1])
    with np.errstate(invalid="ignore"):  # infinities of both signs in one column
        mean = features.mean(axis=0, dtype=np.float64)
    if not np.isfinite(mean).all():
        bad = sum(not np.isfinite(row).all() for row in features)
        raise ValueError(f"expected finite features, got NaN or infinity in {bad} of {len(features)} images")
    return np.asarray(mean)
