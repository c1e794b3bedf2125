"""What a classifier sees in the samples: how many classes, how unlike the real shares, and whether those asked for.

Papers: Srivastava et al. 2017, arXiv:1705.07761 (reverse KL over modes); Lin et al. 2018, arXiv:1712.04086 (PacGAN);
Lipton et al. 2018, arXiv:1802.03916 (correction for the classifier's errors); Shmelkov et al. 2018, arXiv:1807.09499
(accuracy of a classifier, trained on real images, on generated ones). Reference code: fjxmlzn/PacGAN (stacked MNIST).

The classifier is trained on the benchmark's own labels (`ganbench.features.classifier`). It errs, and more often than
one image in ten on hard data: then its errors alone fill a class that no sample shows. So the shares of the classes are
estimated from its counts and its errors on held-out real images (`ganbench.metrics.class_shares`), as if samples were
mistaken as often as real images of their class.

Choices: a class is covered when its share among the samples is at least a tenth of its share among the real training
images, a rule of this benchmark: published counts take one sample as enough. The interval runs from the classes whose
share reaches that tenth even less 1.96 standard errors to those that reach it with as many more: it holds the number
wherever the single shares are held. Those errors are small where nothing was seen, so with few samples a class a
covered class may seem surely missing: with 5 expected of each of 100 classes, one class in 150 has none. The upper end
is raised by the largest number h of such classes that chance can hide: among the classes that may be covered and h
more, h or more come out as low as these with a chance of 2.5 % or more, if each has a tenth of its real share.

The reverse KL is sum_c p(c) log(p(c) / q(c)) in nats, p: shares of the samples, q: shares of the real labels. A
generator of one class has log(num_classes) for balanced data. Errors of the shares raise the plug-in KL; what they
raise it by, measured on redrawn shares, is taken off. Its interval is that of the redrawn shares with the same
taken off twice, once for the redrawing; it is widened upwards by what the KL would be if no class of doubtful share
were there, and stays within 0 and the KL of the rarest class alone.

`label_accuracy` is the share of samples that show the class they were asked for, corrected for the classifier's errors
in the same way (`ganbench.metrics.asked_classes`); the share that the classifier puts there stands in the details as
`raw`. Classes are matched by name where samples and dataset have names, else by number.

Of points the modes are known, and no classifier is needed: `ganbench.metrics.point_modes`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.asked_classes import share_right
from ganbench.metrics.class_labels import Labels, renumber, require_labels
from ganbench.metrics.class_shares import ClassShares, corrected_shares
from ganbench.metrics.intervals import Z95
from ganbench.metrics.point_inputs import PointInputs
from ganbench.metrics.point_modes import point_mode_kl, point_modes
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

COVERED_SHARE = 0.1  # of the real share
NUM_DRAWS = 1000
BY_CLASS = (
    "from classes surely covered to classes possibly covered: each share by 1.96 standard errors, and those that few "
    "samples may not show"
)
REDRAWN = (
    f"2.5 and 97.5 percentiles of {NUM_DRAWS} redraws of the shares, less the bias; upwards also for classes that may "
    "be missing"
)
BY_SCORE = "shares within 1.96 of the standard errors they would have, by samples and held-out images"
_TAIL = 0.025  # each side of the interval
_ROUNDING = 1e-9  # relative: a share of exactly a tenth of the real one counts
Shares = npt.NDArray[np.float64]


class Seen(NamedTuple):
    """Of `num_classes`, those with real training images: their numbers [C], estimated and `real` shares [C]."""

    classes: npt.NDArray[np.int64]
    estimate: ClassShares
    real: Shares
    num_classes: int

    @property
    def margin(self) -> Shares:
        """1.96 standard errors of each share, [C]."""
        return np.asarray(Z95 * np.sqrt(np.diag(self.estimate.covariance)))

    def of_all_classes(self) -> tuple[Shares, Shares]:
        """Shares and their standard errors, [num_classes] each; 0 for a class without real images."""
        shares, errors = np.zeros((2, self.num_classes))
        shares[self.classes], errors[self.classes] = self.estimate.shares, self.margin / Z95
        return shares, errors


def see(
    counts: npt.NDArray[np.int64], confusion: npt.NDArray[Any], real_shares: Shares, prior: Shares | None = None
) -> Seen:
    """The classes behind predicted `counts` [K], by the classifier's `confusion` [K, K] of held-out real images.

    `prior` [K, K] is that of `corrected_shares`.

    Raises MetricUnavailableError where the classifier cannot tell the classes apart.
    """
    classes = np.flatnonzero(real_shares > 0)
    chosen = np.ix_(classes, classes)
    estimate = corrected_shares(counts[classes], confusion[chosen], None if prior is None else prior[chosen])
    return Seen(classes, estimate, real_shares[classes], len(real_shares))


def num_covered(shares: Shares, real: Shares) -> int:
    """Number of covered classes; shares [K] among the samples and among real images."""
    return int(((shares >= COVERED_SHARE * real * (1 - _ROUNDING)) & (real > 0)).sum())


def num_hidden(seen: Seen, num_samples: int) -> int:
    """How many classes that seem surely missing may be covered, and not drawn by chance."""
    from scipy.stats import binom, norm  # noqa: PLC0415  # slow to import

    shares, least = seen.estimate.shares, COVERED_SHARE * seen.real
    missing = shares + seen.margin < least * (1 - _ROUNDING)
    error = np.sqrt(np.diag(seen.estimate.covariance) + least * (1 - least) / num_samples)
    chances = np.sort(norm.cdf((shares - least) / error)[missing])[::-1]
    counts = np.arange(1, len(chances) + 1)
    chance = np.cumsum(chances) / counts  # of the most doubtful ones
    able = binom.sf(counts - 1, int((~missing).sum()) + counts, chance) > _TAIL
    return int(counts[able].max(initial=0))


def reverse_kl(shares: Shares, real: Shares) -> Shares:
    """KL(samples || real) in nats, from shares [..., K] and [K] that sum to 1; infinite where a class is not real."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares / real), 0.0)
    return np.asarray(terms.sum(axis=-1))


def compute_modes(inputs: MetricInputs | PointInputs) -> MetricResult:
    """Number of covered classes; of points, of covered modes."""
    if isinstance(inputs, PointInputs):
        return point_modes(inputs)
    seen = _seen(inputs)
    shares, real, margin = seen.estimate.shares, seen.real, seen.margin
    low, value, high = (num_covered(shares + shift, real) for shift in (-margin, 0, margin))
    high += num_hidden(seen, len(inputs.images.samples))
    rule = f"a class is covered when its share is at least {COVERED_SHARE:g} of its share among real images"
    details = {**_details(inputs, seen), "num_classes": len(real), "num_uncertain": high - low, "rule": rule}
    result = _result(inputs, float(value), (float(low), float(high)), BY_CLASS, details)
    return replace(result, bounds=(0, len(real)))


def compute_mode_kl(inputs: MetricInputs | PointInputs) -> MetricResult:
    """Reverse KL of the estimated class shares, less its bias; of points, of the shares of their modes."""
    if isinstance(inputs, PointInputs):
        return point_mode_kl(inputs)
    seen = _seen(inputs)
    plug_in = float(reverse_kl(seen.estimate.shares, seen.real))
    redrawn = reverse_kl(seen.estimate.draws(NUM_DRAWS, np.random.default_rng(inputs.seed)), seen.real)
    bias = float(redrawn.mean()) - plug_in
    low, high = np.percentile(redrawn, [2.5, 97.5]) - 2 * bias
    high += max(0.0, _kl_without_doubtful_classes(seen) - plug_in)
    top = float(-np.log(seen.real.min()))
    value, low, high = (float(np.clip(number, 0, top)) for number in (plug_in - bias, low, high))
    details = {**_details(inputs, seen), "plug_in": plug_in, "unit": "nats", "seed": inputs.seed}
    result = _result(inputs, value, (min(low, value), max(high, value)), REDRAWN, details)
    return replace(result, bounds=(0, top))


def _kl_without_doubtful_classes(seen: Seen) -> float:
    shares = seen.estimate.shares
    sure = np.where(shares > seen.margin, shares, 0.0)
    return float(reverse_kl(sure / sure.sum(), seen.real)) if sure.any() else 0.0


def compute_label_accuracy(inputs: MetricInputs) -> MetricResult:
    """Share of samples that show the class they were asked for, corrected for the classifier's errors."""
    images = inputs.images
    labels = require_labels(images.samples, "accuracy of asked classes")
    classes = np.flatnonzero(images.real_shares > 0)
    asked = renumber(labels, images.samples.class_names, images.labelled.class_names, "the classifier")
    _require_known(asked, classes, images.class_names)
    predicted, num_classes = images.predicted, len(images.real_shares)
    seen_as = np.bincount(asked * num_classes + predicted, minlength=num_classes**2).reshape(num_classes, num_classes)
    chosen = np.ix_(classes, classes)
    found = share_right(np.asarray(seen_as[chosen]), np.asarray(images.classifier.confusion[chosen]))
    num_right = int((predicted == asked).sum())
    details = {
        "raw": num_right / len(asked),
        "num_right": num_right,
        "before_cut": found.estimate,
        "classes_without_heldout_images": _untested(inputs, classes),
        **_of_classifier(inputs),
    }
    return _result(inputs, found.value, found.ci95, BY_SCORE, details)


def _require_known(asked: Labels, classes: npt.NDArray[np.int64], names: Sequence[str]) -> None:
    """Raise MetricUnavailableError unless the classifier has learnt two classes, and all of those asked for."""
    if len(classes) < 2:
        raise MetricUnavailableError("accuracy of asked classes needs real images of 2 classes or more")
    unknown = np.setdiff1d(asked, classes)
    if len(unknown):
        name = names[unknown[0]] if 0 <= unknown[0] < len(names) else str(unknown[0])
        raise MetricUnavailableError(
            f"samples are asked to show class '{name}', of which there is no real training image: give some, or leave "
            "these samples out"
        )


def _seen(inputs: MetricInputs) -> Seen:
    images = inputs.images
    classifier = images.classifier
    return see(images.predicted_counts, classifier.confusion, images.real_shares, classifier.prior)


def _details(inputs: MetricInputs, seen: Seen) -> dict[str, Any]:
    images = inputs.images
    shares, errors = seen.of_all_classes()
    return {
        "counts": images.predicted_counts.tolist(),
        "shares": shares.tolist(),
        "standard_errors": errors.tolist(),
        "real_shares": images.real_shares.tolist(),
        "class_names": list(images.class_names),
        "classes_without_heldout_images": _untested(inputs, seen.classes),
        **_of_classifier(inputs),
    }


def _untested(inputs: MetricInputs, classes: npt.NDArray[np.int64]) -> list[str]:
    images = inputs.images
    return [images.class_names[i] for i in classes if images.classifier.confusion[i].sum() == 0]


def _of_classifier(inputs: MetricInputs) -> dict[str, Any]:
    return inputs.images.classifier.facts


def _result(
    inputs: MetricInputs, value: float, interval: tuple[float, float], method: str, details: dict[str, Any]
) -> MetricResult:
    num_reference = len(inputs.images.labelled.train)  # the real images behind the classifier and the shares
    return MetricResult(value, interval, method, len(inputs.images.samples), num_reference, details)


MODES = MetricInfo(
    id="modes",
    title="Modes covered",
    compute=compute_modes,
    higher_is_better=True,
    needs=("classifier",),
    uses_extractor=False,
    data_kinds=("image", "points"),
    description="How many of the data's classes the samples show, by a classifier trained on the real images; of "
    "points, how many Gaussians of the mixture.",
    range="0 to the number of classes or Gaussians",
    interval="From the classes that are surely covered to those that may be, given the number of samples and what the "
    "held-out images tell of the classifier's errors. Wide where the classifier is poor or samples are few. Of points, "
    "how many modes other samples show on average: down by what redraws of the samples lose at most, up by that or by "
    "what unseen modes may hide.",
    choices="The classifier's counts are corrected for its errors on held-out real images. A class is covered when its "
    "share is then at least a tenth of its share among the real images. That rule is ganbench's own: published counts "
    "of modes take one sample as enough. Of points that published rule is kept: a Gaussian is covered when one sample "
    "lies within 3 standard deviations of its centre.",
    cost="Training the classifier once per dataset: a minute or two; then seconds.",
    limits="The correction assumes that samples look like new real images of their class: the classifier names a "
    "class for any image, noise too, and it errs less on the training images and copies of them. Counts classes, not "
    "variety within them. Of points, noise covers nearly all modes, and a mode with less than one sample in a thousand "
    "may be missed: read it beside the high-quality share.",
    paper="https://arxiv.org/abs/1712.04086",
    reference_code="https://github.com/fjxmlzn/PacGAN",
)

MODE_KL = MetricInfo(
    id="mode_kl",
    title="Reverse KL of modes",
    compute=compute_mode_kl,
    higher_is_better=False,
    needs=("classifier",),
    uses_extractor=False,
    data_kinds=("image", "points"),
    description="How unlike the real shares of the classes those among the samples are; of points, those of the "
    "Gaussians among the samples of high quality.",
    range="0 to the log of the number of classes for balanced data (nats)",
    bounds=(0, None),
    interval="Redraws of the shares, by the number of samples and of held-out images, less the bias that such errors "
    "add. It reaches 0 for real images nearly always; bias that remains is not in it. Of points, multinomial redraws.",
    choices="KL of the samples' shares from the real ones, in nats. Shares are corrected for the classifier's errors "
    "as for modes. The upward bias is taken off; the details hold the value with it.",
    cost="As for modes: they share the classifier.",
    limits="As for modes: samples are taken to be mistaken for other classes as often as real images are. With a poor "
    "classifier and many classes missing it is too small.",
    paper="https://arxiv.org/abs/1705.07761",
    reference_code="https://github.com/fjxmlzn/PacGAN",
)

LABEL_ACCURACY = MetricInfo(
    id="label_accuracy",
    title="Label accuracy",
    compute=compute_label_accuracy,
    higher_is_better=True,
    needs=("labels", "classifier"),
    uses_extractor=False,
    description="The share of samples that show the class they were asked for, by a classifier trained on real images, "
    "corrected for its errors.",
    range="0 to 1; 1 / classes by chance",
    bounds=(0, 1),
    interval="Sampling of the samples and of the held-out images that tell the classifier's errors. Wilson's interval "
    "where the classifier never errs; all of 0 to 1 where the held-out images do not show that it tells the classes "
    "apart.",
    choices="What the classifier says is corrected for its errors on held-out real images. The details hold the share "
    "before that (`raw`). Classes are matched by name where both sides have names, else by number.",
    cost="As for modes: they share the classifier.",
    limits="The correction assumes that samples are mistaken as often as real images of their class. Samples easier "
    "than real images come out as 1, whatever of them is wrong beyond; images that please the classifier need not look "
    "right. With a poor classifier and some ten held-out images a class it is somewhat too small, within its "
    "interval. One fixed image per class can reach 1.",
    paper="https://arxiv.org/abs/1807.09499",
)
