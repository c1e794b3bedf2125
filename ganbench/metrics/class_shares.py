"""Shares of the classes among images, from what an imperfect classifier says of them.

Papers: Forman 2008, doi:10.1007/s10618-008-0097-y (adjusted classify and count); Lipton et al. 2018, arXiv:1802.03916
(the same for many classes: black-box shift estimation).

A classifier that takes a tenth of the dogs for cats sees cats where there are none. On held-out images of known class
it shows how often it takes class j for class i: the matrix C[i, j], whose columns sum to 1. Images with class shares s
are then seen with shares q = C s. So s is estimated as the shares, none below 0, with the smallest |C s - q|.

The error of s follows to first order from that of q and of C: with A the inverse of C,

    cov(s) = A [ cov(q) + sum_j s_j² cov(C[:, j]) ] Aᵀ

Each cov is that of the posterior of multinomial counts under a Dirichlet prior that holds one image, spread evenly: it
is not 0 where a class was never seen or never confused. A class without held-out images is taken to be always
recognised; all that is known of its column is then the prior, so its error is large.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.types import MetricUnavailableError

MAX_CONDITION = 1000.0  # beyond, errors of C are as large as the shares themselves
Counts = npt.NDArray[np.int64] | npt.NDArray[np.float64]  # fractions of images where they come from a product
Floats = npt.NDArray[np.float64]


class ClassShares(NamedTuple):
    """Estimated shares [K] of the classes, none below 0, that sum to 1, and the covariance [K, K] of their error."""

    shares: Floats
    covariance: Floats

    def draws(self, num_draws: int, rng: np.random.Generator) -> Floats:
        """Shares [R, K] that could as well have been estimated: normal, cut off at 0, and brought to sum 1."""
        values, vectors = np.linalg.eigh(self.covariance)
        noise = rng.standard_normal((num_draws, len(values))) @ (vectors * np.sqrt(np.maximum(values, 0))).T
        drawn = np.maximum(self.shares + noise, 0)
        return np.asarray(drawn / drawn.sum(axis=1, keepdims=True))


def corrected_shares(counts: Counts, confusion: Counts, prior: Floats | None = None) -> ClassShares:
    """Shares of the classes, from predicted `counts` [K] and held-out counts `confusion` [K, K] (true, predicted).

    `prior` [K, K]: one image a class by which the errors of `confusion` may be other than seen; None: spread evenly.

    Raises MetricUnavailableError where the classifier cannot tell the classes apart.
    """
    from scipy.optimize import nnls  # noqa: PLC0415  # slow to import

    seen_as = _columns(confusion)
    if not np.linalg.cond(seen_as) < MAX_CONDITION:
        raise MetricUnavailableError(
            "the classifier confuses some classes wholly with others on the held-out real images, so the shares of the "
            "classes cannot be told: give more or clearer real images"
        )
    solution = nnls(seen_as, counts / counts.sum())[0]
    shares = solution / solution.sum()
    even = np.full(confusion.shape, 1 / len(counts))
    noise = _covariance(counts[None] + even[:1], np.ones(1))
    noise += _covariance(confusion + (even if prior is None else prior), shares**2)
    inverse = np.linalg.inv(seen_as)
    return ClassShares(shares, inverse @ noise @ inverse.T)


def _columns(confusion: Counts) -> Floats:
    """C [K, K]: column j holds how often images of class j are taken for each class."""
    totals = confusion.sum(axis=1, keepdims=True)
    return np.where(totals > 0, confusion / np.maximum(totals, 1), np.eye(len(confusion))).T


def _covariance(counts: Floats, weights: Floats) -> Floats:
    """Weighted sum [K, K] of the covariances of the shares behind each row of counts [R, K], by `weights` [R].

    Each row holds one image more than was seen.
    """
    total = counts.sum(axis=1, keepdims=True)
    shares = counts / total
    weighted = weights[:, None] / (total + 1) * shares
    return np.asarray(np.diag(weighted.sum(axis=0)) - weighted.T @ shares)
