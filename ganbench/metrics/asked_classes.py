"""The share of images that show the class they were asked for, from what an imperfect classifier says of them.

Papers: Lipton et al. 2018, arXiv:1802.03916 (correction by the confusion matrix); Rogan and Gladen 1978,
doi:10.1093/oxfordjournals.aje.a112510 (the same for two classes); Fieller 1954 (interval of a ratio); Agresti and Coull
1998, doi:10.1080/00031305.1998.10480550 (two more successes and failures).

A classifier right on 98 of 100 real images finds the class that was asked for in 98 of 100 flawless samples. C[k, l] is
how often it takes real images of class k for l, Q[i, l] the share of samples asked as i and taken for l. Samples asked
as i that show k have the share S[i, k]; Q = S C, so S = Q B with B the inverse of C, and trace(Q B) of them are right:
the mean over samples of a score B[taken for, asked as], which is 1 on average where a sample is right and else 0.

With few held-out images B is all noise. Then it is made from rows of C that are drawn towards a classifier as often
right that errs evenly: by one image, or by as many as keep the variance that C adds to one sample's score within 0.05.
So scores are no longer 1 and 0 on average, but r for right samples and w for wrong ones, by C as it was seen and by how
each kind spreads over the classes in S. The share that is right is

    a = (mean score - w) / (r - w)

less what the noise of C in B raises the mean score by, to second order. It passes 1 where samples are easier than real
images, and is cut off there and at 0. A class without held-out images counts as recognised as often as the others.

Interval: the shares x for which |a - x| is at most 1.96 standard errors as they would be at x. The variance is
quadratic in x: that of samples of which x are right, and that of C. The latter is taken as if four more held-out images
a class were as those of an average class, and two more in all were mistaken, by the rows' weight in a: where no error
was seen, errors may still be. Where the classifier never errs it is Wilson's interval; where the held-out images do not
show that it tells the classes apart, it is all of 0 to 1.
"""

from __future__ import annotations

import contextlib
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import Z95
from ganbench.types import MetricUnavailableError

MAX_VARIANCE = 0.05  # that C adds to one sample's score
_MOST_DRAWN = 1e4  # images by which a row is drawn: then it is the even one
Counts = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


class ShareRight(NamedTuple):
    """The share in [0, 1], its 95 % interval, and the estimate before it was cut off at 0 and 1."""

    value: float
    ci95: tuple[float, float]
    estimate: float


class _Errors(NamedTuple):
    """`rates` [K, K] (true, predicted) as they were seen, `scores` [K, K] (predicted, asked), held-out images [K].

    `kept` [K] is the part of the rows' variance that the scores hold.
    """

    rates: Floats
    scores: Floats
    num_heldout: Floats
    kept: Floats

    def spread(self, x: Floats, y: Floats, rates: Floats | None = None) -> Floats:
        """x[:, k]ᵀ cov(C[k]) y[:, k] for each class k, [K]; with C as it was seen, or of other `rates`."""
        c, x, y = self.rates if rates is None else rates, x.T, y.T
        return np.asarray(((c * x * y).sum(1) - (c * x).sum(1) * (c * y).sum(1)) / (self.num_heldout + 2))


def share_right(seen_as: Counts, confusion: Counts) -> ShareRight:
    """From counts [K, K] of samples (asked, predicted) and of held-out images (true, predicted); K >= 2.

    Raises MetricUnavailableError where the classifier does no better than chance on the held-out images.
    """
    tested = confusion.sum(axis=1) > 0
    recall = float((np.diag(confusion)[tested] / confusion[tested].sum(axis=1)).mean()) if tested.any() else 0.0
    if recall <= 1 / len(confusion):
        raise _without_proof("it does no better than chance" if tested.any() else "there are none of known class")
    num_samples = int(seen_as.sum())
    shares = seen_as / num_samples
    asked = shares.sum(axis=1)
    errors = _errors(confusion, asked, recall)
    shown = shares @ errors.scores  # [asked, shown]
    bias = (errors.kept * errors.spread(errors.scores @ shown, errors.scores)).sum()
    right, wrong = _right_and_wrong(shown, asked, num_samples)
    of_right, of_wrong = (_mean_score(errors, part) for part in (right, wrong))
    if of_right <= of_wrong:
        raise _without_proof("right samples would look no more like the asked class than wrong ones")
    estimate = float((np.trace(shown) - bias - of_wrong) / (of_right - of_wrong))
    value = min(max(estimate, 0.0), 1.0)
    constant, linear, square = _variance(errors, shown, asked, right, wrong, num_samples)
    gap = (of_right - of_wrong) ** 2
    return ShareRight(value, _accepted(value, (constant / gap, linear / gap, square / gap)), estimate)


def _without_proof(found: str) -> MetricUnavailableError:
    return MetricUnavailableError(
        f"what the classifier says of samples cannot be corrected by its errors on held-out real images: {found}. "
        "Give more or clearer labelled real images"
    )


def _errors(confusion: Counts, asked: Floats, recall: float) -> _Errors:
    """Scores from rows that are drawn towards even errors as far as needed; `asked` [K]: shares of the classes."""
    num_heldout, right = confusion.sum(axis=1).astype(np.float64), np.diag(confusion).sum()
    even = _even(len(confusion), max(recall, (right + 0.5) / (num_heldout.sum() + 1)))
    seen = (confusion + even) / (num_heldout + 1)[:, None]
    drawn = 1.0
    while True:
        rates, kept = (confusion + drawn * even) / (num_heldout + drawn)[:, None], num_heldout / (num_heldout + drawn)
        with contextlib.suppress(np.linalg.LinAlgError):
            found = _Errors(seen, np.linalg.inv(rates), num_heldout, kept**2)
            variance = (asked * kept**2 * found.spread(found.scores, found.scores, rates)).sum()
            if variance <= MAX_VARIANCE or drawn > _MOST_DRAWN:
                return found
        drawn *= 1.5


def _even(num_classes: int, accuracy: float) -> Floats:
    """Rates [K, K] of a classifier that is right so often in each class, and takes the others equally often."""
    off = (1 - accuracy) / (num_classes - 1)
    return np.full((num_classes, num_classes), off) + (accuracy - off) * np.eye(num_classes)


def _right_and_wrong(shown: Floats, asked: Floats, num_samples: int) -> tuple[Floats, Floats]:
    """How right samples and wrong ones spread over [asked, shown], each of sum 1; evenly where there are none."""
    num_classes = len(shown)
    right = np.diag(np.maximum(np.diag(shown), 0) + 1 / (num_samples * num_classes))
    wrong = np.maximum(shown, 0) * (1 - np.eye(num_classes)) + asked[:, None] * _even(num_classes, 0.0) / num_samples
    return right / right.sum(), wrong / wrong.sum()


def _mean_score(errors: _Errors, spread: Floats) -> float:
    return float((spread * (errors.rates @ errors.scores).T).sum())


def _variance(
    errors: _Errors, shown: Floats, asked: Floats, right: Floats, wrong: Floats, num_samples: int
) -> tuple[float, float, float]:
    """The variance of the mean score where a share x is right: its coefficients of 1, x and x²."""
    squares = (errors.rates @ errors.scores**2).T  # [asked, shown]
    of_right, of_wrong = float((right * squares).sum()), float((wrong * squares).sum())
    low, gap = _mean_score(errors, wrong), _mean_score(errors, right) - _mean_score(errors, wrong)
    uncertain = _uncertain_rates(errors, np.maximum(asked, shown.sum(axis=0)))
    x, y = errors.scores @ right, errors.scores @ wrong
    xx, xy, yy = (float(errors.spread(*pair, uncertain).sum()) for pair in ((x, x), (x, y), (y, y)))
    constant = (of_wrong - low**2) / num_samples + yy
    linear = (of_right - of_wrong - 2 * low * gap) / num_samples + 2 * (xy - yy)
    return constant, linear, xx - 2 * xy + yy - gap**2 / num_samples


def _uncertain_rates(errors: _Errors, weights: Floats) -> Floats:
    """Rates [K, K] whose variance stands for that of C: four more images a class, two more errors by `weights` [K]."""
    z2, m = Z95**2, errors.num_heldout
    even = _even(len(m), float(np.diag(errors.rates).mean()))
    drawn = (z2 / (m + z2))[:, None]
    parts = weights**2 / (m + 1)
    parts /= parts.sum()
    more = (z2 / 2 * parts / (m + z2 * parts))[:, None]
    return np.asarray((1 - more) * ((1 - drawn) * errors.rates + drawn * even) + more * _even(len(m), 0.0))


def _accepted(value: float, variance: tuple[float, float, float]) -> tuple[float, float]:
    """The x in [0, 1] with (value - x)² <= 1.96² variance(x)."""
    c, b, a = value**2 - Z95**2 * variance[0], -2 * value - Z95**2 * variance[1], 1 - Z95**2 * variance[2]
    if a <= 0:
        return 0.0, 1.0
    root = np.sqrt(max(b**2 - 4 * a * c, 0.0))
    return float(np.clip((-b - root) / (2 * a), 0.0, value)), float(np.clip((-b + root) / (2 * a), value, 1.0))
