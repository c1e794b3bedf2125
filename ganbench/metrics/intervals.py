"""95 % intervals shared by several metrics. All are two-sided."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

NUM_REDRAWS = 1000
Z95 = 1.959963984540054  # the 97.5 % quantile of the standard normal distribution
_NO_SPREAD = 1e-12  # of the value: rounding


def normal_interval(value: float, standard_error: float) -> tuple[float, float]:
    """Value ± 1.96 standard errors."""
    return (value - Z95 * standard_error, value + Z95 * standard_error)


def sampling_interval(value: float, standard_error: float, at_least: float = -math.inf) -> tuple[float, float] | None:
    """`normal_interval`, cut off where the value cannot lie (`at_least`).

    None where nothing varies: without a spread among the images, no interval can be told from them.
    """
    if standard_error <= _NO_SPREAD * abs(value):
        return None
    low, high = normal_interval(value, standard_error)
    return (max(low, at_least), high)


def wilson_interval(successes: int, num_trials: int) -> tuple[float, float]:
    """Wilson's score interval of a share (Wilson 1927): within [0, 1], and sensible at 0 and at 1."""
    share, z2 = successes / num_trials, Z95**2
    centre = (share + z2 / (2 * num_trials)) / (1 + z2 / num_trials)
    half = Z95 * math.sqrt(share * (1 - share) / num_trials + z2 / (4 * num_trials**2)) / (1 + z2 / num_trials)
    low = 0.0 if successes == 0 else centre - half
    return (low, 1.0 if successes == num_trials else centre + half)


def median_interval(values: npt.NDArray[np.float64]) -> tuple[float, float] | None:
    """Interval of the median from two order statistics (normal approximation of the binomial ranks).

    None below 6 values: there even the whole range covers the median with less than 95 %.
    """
    n = len(values)
    if n < 6:
        return None
    ordered = np.sort(values)
    low = max(math.floor((n - Z95 * math.sqrt(n)) / 2), 1)  # rank, from 1
    return (float(ordered[low - 1]), float(ordered[n - low]))


def occupied_interval(counts: npt.NDArray[np.int64], num_others: int, seed: int) -> tuple[float, float]:
    """95 % interval of how many cells other samples of the same source occupy on average; counts [C] found here.

    Down by as many as at most 97.5 % of redraws leave empty: as many samples again from the shares that were found, of
    which `num_others` lie in no cell; or, where that is less, by the chance that the least filled cell stays empty at
    the lower end of the exact interval of its Poisson mean (Garwood 1936). Up by what redraws lose, or by what the
    empty cells may hide: if each of u expects c / u samples, all stay empty with chance e^-c, which is 2.5 % at c =
    3.69; then u (1 - e^(-c / u)) of them fill.
    """
    from scipy.special import gammaincinv  # noqa: PLC0415  # slow to import

    occupied = int((counts > 0).sum())
    all_counts = np.append(counts, num_others)
    redrawn = np.random.default_rng(seed).multinomial(all_counts.sum(), all_counts / all_counts.sum(), NUM_REDRAWS)
    left = (redrawn[:, :-1] > 0).sum(axis=1)
    lost = float(occupied - np.percentile(left, 2.5, method="inverted_cdf"))
    num_empty = len(counts) - occupied
    hidden = num_empty * (1 - 0.025 ** (1 / num_empty)) if num_empty else 0.0
    least = counts[counts > 0].min(initial=all_counts.sum())
    rare = float(np.exp(-gammaincinv(least, 0.025))) if occupied else 0.0
    return occupied - max(lost, rare), min(occupied + max(lost, hidden), float(len(counts)))
