"""The birthday test: how many different images a generator makes, from how often its samples repeat each other.

Paper: Arora, Risteski and Zhang 2018, arXiv:1706.08224. Among n samples there are P = n (n - 1) / 2 pairs. A generator
that draws evenly from K images repeats itself in P / K of them; one that draws unevenly, with shares p_i, as often as
an even one of K = 1 / sum p_i² images. So D repeated pairs give the support

    K = P / (D - b)

Near is told by real images, not by eye as in the paper. Two samples repeat each other when they are no farther apart,
in features, than the distance t that about one pair among n real images would have: t is taken from the distances of
the reference images to their nearest other one, of which a larger reference has more. At most 5 % of the reference
images may have a neighbour within t. With B real pairs within t among the Q pairs of the reference, b = B P / Q pairs
of samples are as near by chance.

Interval: Poisson limits (Garwood 1936) of D and of B, their distances from the counts added as squares, as in
`near_copies`. Where some images are preferred, the pairs vary more than Poisson, by a factor that is estimated from
pairs that share an image. The low end of K is not corrected by b: samples unlike real ones may have no chance repeats.
Where D is no more than chance may give, K has no upper limit: the value is then the lower limit, `at_least` in the
details is true, and there is no interval.

LPIPS is given for the nearest pairs of samples and of real images where its trunk is there. It does not decide: the
value would depend on what is installed.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.neighbours import Balls, Floats, ball_counts, nearest
from ganbench.types import ImageSource, MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

MAX_NEAR_REFERENCE = 0.05  # of the reference images may have a neighbour within the threshold
NUM_PAIRS = 16  # in the details
CI_METHOD = "Poisson limits of the repeated pairs, wider where some images are preferred; no upper limit is known"
CI_METHOD_BOUNDED = "Poisson limits of the repeated pairs and of those by chance, wider where some images are preferred"
Squared = npt.NDArray[np.float64]
Degrees = npt.NDArray[np.int64]


class Support(NamedTuple):
    """Estimated number of images and 95 % interval; `high` None: no upper limit, and `value` is the lower one."""

    value: float
    low: float
    high: float | None


def near_threshold(nearest_other: Squared, num_samples: int) -> float:
    """Squared distance within which about one pair among `num_samples` real images lies.

    From the squared distances [M] of reference images to their nearest other one: a near pair is in it twice.
    """
    num_reference = len(nearest_other)
    pairs = max(1, num_pairs(num_reference) // num_pairs(num_samples))
    rank = min(2 * pairs, max(2, math.floor(MAX_NEAR_REFERENCE * num_reference)))
    return float(np.partition(nearest_other, rank - 1)[rank - 1])


def near_degrees(features: Floats, squared: float) -> Degrees:
    """How many other rows of [N, D] lie within this squared distance of each, int64 [N]."""
    return ball_counts(features, features, [Balls("a", np.full(len(features), squared), "<=")])[0].per_a - 1


def overdispersion(degrees: Degrees) -> float:
    """Variance of the number of repeated pairs over its mean, at least 1, from each sample's number of repeats [N].

    Two pairs with a common sample are repeats together with chance sum p_i³, which is (sum p_i²)² where all images are
    equally likely; their excess adds to the variance (Hoeffding 1948).
    """
    n, repeated = len(degrees), degrees.sum() / 2
    if n < 3 or repeated == 0:
        return 1.0
    triples = n * (n - 1) * (n - 2)
    both = float((degrees * (degrees - 1)).sum()) / triples
    excess = triples * (both - (repeated / num_pairs(n)) ** 2)
    return max(1.0, 1 + float(excess / repeated))


def poisson_interval(count: float, dispersion: float = 1.0) -> tuple[float, float]:
    """95 % limits of the mean of a count (Garwood 1936), whose variance is `dispersion` times the mean."""
    from scipy.special import gammaincinv  # noqa: PLC0415  # slow to import

    scaled = count / dispersion
    low = dispersion * float(gammaincinv(scaled, 0.025)) if count > 0 else 0.0
    return low, dispersion * float(gammaincinv(scaled + 1, 0.975))


def estimate_support(degrees: Degrees, reference_degrees: Degrees) -> Support:
    """The support from each sample's repeats [N] and the number of others that are as near to reference images [M]."""
    pairs, repeated = num_pairs(len(degrees)), float(degrees.sum() / 2)
    scale = pairs / num_pairs(len(reference_degrees))
    near = float(reference_degrees.sum() / 2)
    least, most = poisson_interval(repeated, overdispersion(degrees))
    chance, most_chance = near * scale, poisson_interval(near, overdispersion(reference_degrees))[1] * scale
    beyond = repeated - chance
    at_least_beyond = beyond - math.hypot(repeated - least, most_chance - chance)
    if at_least_beyond <= 0:
        return Support(pairs / most, pairs / most, None)
    return Support(pairs / beyond, pairs / most, pairs / at_least_beyond)


def num_pairs(n: int) -> int:
    """Pairs among n images."""
    return n * (n - 1) // 2


def compute_birthday(inputs: MetricInputs) -> MetricResult:
    """Estimated number of different images behind the samples, or a lower limit of it."""
    samples, reference = inputs.samples.features, inputs.reference.features
    if len(samples) < 2 or len(reference) < 2:
        raise MetricUnavailableError(
            f"the birthday test needs 2 samples and 2 reference images, got {len(samples)} and {len(reference)}"
        )
    nearest_other = inputs.reference_radii(1)
    threshold = near_threshold(nearest_other, len(samples))
    crowded = np.flatnonzero(nearest_other <= threshold)  # no other image is in a near pair
    degrees, reference_degrees = near_degrees(samples, threshold), np.zeros(len(reference), np.int64)
    reference_degrees[crowded] = near_degrees(reference[crowded], threshold)
    support, near = estimate_support(degrees, reference_degrees), int(reference_degrees.sum()) // 2
    details: dict[str, Any] = {
        "at_least": support.high is None,
        "num_pairs": num_pairs(len(samples)),
        "num_repeated_pairs": int(degrees.sum()) // 2,
        "repeated_pairs_by_chance": near * num_pairs(len(samples)) / num_pairs(len(reference)),
        "num_near_reference_pairs": near,
        "threshold": math.sqrt(threshold),
        "overdispersion": overdispersion(degrees),
        "pairs": _shown(inputs, inputs.images.samples, samples, np.arange(len(samples))),
        "reference_pairs": _shown(inputs, inputs.images.reference, reference[crowded], crowded),
    }
    interval = None if support.high is None else (support.low, support.high)
    method = CI_METHOD if interval is None else CI_METHOD_BOUNDED
    return MetricResult(support.value, interval, method, len(samples), len(reference), details)


def closest_pairs(features: Floats, num: int, device: str = "cpu") -> list[tuple[int, int, float]]:
    """Up to `num` pairs of rows of [N, D] that are nearest to each other, nearest first, no row in two of them."""
    squared, indexes = nearest(features, features, 2, device)
    column = (indexes[:, 0] == np.arange(len(features))).astype(np.int64)  # the first that is not the row itself
    rows = np.arange(len(features))
    others, distances = indexes[rows, column], np.sqrt(squared[rows, column])
    pairs: list[tuple[int, int, float]] = []
    used: set[int] = set()
    for row in np.argsort(distances, kind="stable"):
        pair = {int(row), int(others[row])}
        if not pair & used:
            used |= pair
            pairs.append((min(pair), max(pair), float(distances[row])))
        if len(pairs) == num:
            break
    return pairs


def _shown(
    inputs: MetricInputs, images: ImageSource, features: Floats, indexes: npt.NDArray[np.int64]
) -> list[dict[str, Any]]:
    """The closest pairs among images `indexes` with these features, by their indexes in the set, for the report."""
    found = closest_pairs(features, NUM_PAIRS, inputs.images.device)
    pairs = [(int(indexes[a]), int(indexes[b]), distance) for a, b, distance in found]
    first, second = (images.take(np.array([pair[side] for pair in pairs])) for side in (0, 1))
    lpips: list[float | None]
    try:
        lpips = [float(value) for value in inputs.images.lpips_distance(first, second)]
    except MetricUnavailableError:
        lpips = [None] * len(pairs)
    return [
        {"images": [a, b], "distance": distance, "lpips": value}
        for (a, b, distance), value in zip(pairs, lpips, strict=True)
    ]


BIRTHDAY = MetricInfo(
    id="birthday",
    title="Support (birthday test)",
    compute=compute_birthday,
    higher_is_better=None,
    needs=("reference",),
    default=False,
    description="How many different images the generator makes, judged by how often its samples repeat each other.",
    range="1 and up; a lower limit where `at_least` stands in the details, as for real images",
    bounds=(1, None),
    interval="Sampling of the generated images: Poisson limits of the number of repeated pairs, wider where some "
    "images are preferred. None where repeats are no more than chance gives: then only a lower limit is known.",
    choices="Two samples repeat each other when they are as near in the extractor's features as one pair among as many "
    "real images is. What is as near by chance is taken off. Uneven generators count as the even one that repeats "
    "itself as often. LPIPS of the nearest pairs is given, and does not decide.",
    cost="One pass over all pairs of samples and a search among them: about 15 seconds for 10,000 on one CPU core.",
    limits="n samples tell supports up to about n squared over 16. Samples unlike the data can lie near each other "
    "without repeating: blurred photos seem to. Repeats with a change that the extractor sees are missed. Look at the "
    "pairs, which the report shows beside those of real images.",
    paper="https://arxiv.org/abs/1706.08224",
)
