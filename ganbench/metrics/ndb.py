"""NDB: the share of bins of the data in which samples are clearly more, or clearly fewer, than real images are.

Paper: Richardson and Weiss 2018, arXiv:1805.12462. Reference code: `ndb.py` of github.com/eitanrich/gans-n-gmms.

k-means cuts the real images into K bins. In each, the share of the samples and the share of the real images are
compared by the two-proportion z-test with pooled variance at 5 %:

    z = (p - q) / sqrt( r (1 - r) (1/n + 1/m) ),   r = (n p + m q) / (n + m);   NDB = number of bins with |z| > 1.96

NDB/K is 0.05 or a little less where both come from one distribution, and grows with the number of images where they
do not.

Choices. Bins are made in the evaluation's features: the paper takes pixels, in which near means equally bright at the
same places rather than alike. One half of the training images, drawn by the seed, places the centres; the other half is
counted. The paper counts the images that placed them. They lie nearer to the centres than new images do, in many
dimensions and with few of them: 8,000 new real photos then differed from 2,000 training photos in 21 % of the bins, and
normal noise in 512 dimensions in 93 %. With halves, between 2 and 5 % of bins differ in all such cases. 100 bins as in
the paper, but fewer where a bin would have less than 20 images of the smaller side, since the z-test is rough below
that. A bin that is empty on both sides does not differ. No whitening. FAISS places the centres in float32, on at most
256 images a bin.

Interval: Wilson's for NDB of K bins, as if all bins had one chance of differing. Bins that differ in that chance vary
less in their sum (Hoeffding 1956), so it is not too short for the mean NDB/K of other samples of this size. A bootstrap
would be wrong: resampling adds noise that makes more bins differ.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import Z95, wilson_interval
from ganbench.metrics.neighbours import Floats
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

MAX_BINS = 100
IMAGES_PER_BIN = 20
CI_METHOD = "Wilson score interval over the bins, for these bins and numbers of images"
Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]


class Bins(NamedTuple):
    """The bins by their centres float32 [K, D], the training images that are counted, by index [C], and into which bin
    each of these [C] and each sample [N] falls.
    """

    centres: npt.NDArray[np.float32]
    counted: Counts
    of_counted: Counts
    of_samples: Counts

    def counts(self) -> tuple[Counts, Counts]:
        """How many samples and how many counted training images fall into each bin, int64 [K] each."""
        size = len(self.centres)
        return np.bincount(self.of_samples, minlength=size), np.bincount(self.of_counted, minlength=size)


def number_of_bins(num_samples: int, num_counted: int) -> int:
    """100, or as many as leave 20 images of the smaller side for each on average; at least 2."""
    return max(2, min(MAX_BINS, min(num_samples, num_counted) // IMAGES_PER_BIN))


def bin_centres(train: Floats, num_bins: int, seed: int) -> npt.NDArray[np.float32]:
    """Centres float32 [K, D] of a seeded k-means of `train` [M, D]; needs K <= M."""
    import faiss  # noqa: PLC0415  # heavy, and most of the package works without it

    base = np.ascontiguousarray(train, np.float32)
    kmeans = faiss.Kmeans(base.shape[1], num_bins, niter=20, seed=seed % 2**31, min_points_per_centroid=1)
    kmeans.train(base)
    return np.asarray(kmeans.centroids)


def bin_counts(features: Floats, centres: npt.NDArray[np.float32]) -> Counts:
    """How many of the images [N, D] are nearest to each centre [K, D], int64 [K]."""
    return np.bincount(nearest_centres(features, centres), minlength=len(centres))


def nearest_centres(features: Floats, centres: npt.NDArray[np.float32]) -> Counts:
    """The centre [K, D] that each image [N, D] is nearest to, int64 [N]."""
    import faiss  # noqa: PLC0415

    return np.asarray(faiss.knn(np.ascontiguousarray(features, np.float32), centres, 1)[1][:, 0])


def place_in_bins(samples: Floats, train: Floats, seed: int) -> Bins:
    """Bins from a half of the training images [M, D], drawn by the seed; the other half and the samples in them."""
    order = np.random.default_rng(seed).permutation(len(train))
    placing, counted = np.sort(order[: len(train) // 2]), np.sort(order[len(train) // 2 :])
    centres = bin_centres(train[placing], number_of_bins(len(samples), len(counted)), seed)
    return Bins(centres, counted, nearest_centres(train[counted], centres), nearest_centres(samples, centres))


def z_scores(samples: Counts, real: Counts) -> Shares:
    """Two-proportion z of each bin, float64 [K], from counts [K]: above 0 where samples are more; 0 for empty bins."""
    n, m = int(samples.sum()), int(real.sum())
    pooled = (samples + real) / (n + m)
    error = np.sqrt(pooled * (1 - pooled) * (1 / n + 1 / m))
    difference = samples / n - real / m
    return np.divide(difference, error, out=np.zeros(len(samples)), where=error > 0)


def jensen_shannon(samples: Counts, real: Counts) -> float:
    """Jensen-Shannon divergence of two histograms [K] in nats: 0 for equal ones, log 2 for disjoint ones."""
    p, q = samples / samples.sum(), real / real.sum()
    return 0.5 * (_kl(p, (p + q) / 2) + _kl(q, (p + q) / 2))


def compute_ndb(inputs: MetricInputs) -> MetricResult:
    """Share of bins in which samples and training images differ."""
    samples, train = inputs.samples.features, inputs.train.features
    if len(train) < 4 or not np.ptp(train, axis=0).any():
        raise MetricUnavailableError(
            f"NDB needs at least 4 training images that are not all alike to make bins of, got {len(train)}"
        )
    centres, counted = inputs.bins.centres, inputs.bins.counted
    ours, real = inputs.bins.counts()
    z = z_scores(ours, real)
    differing = int((np.abs(z) > Z95).sum())
    details: dict[str, Any] = {
        "num_bins": len(centres),
        "num_different": differing,
        "num_too_many": int((z > Z95).sum()),
        "num_too_few": int((z < -Z95).sum()),
        "num_training_images_counted": len(counted),
        "counts": ours.tolist(),
        "real_counts": real.tolist(),
        "z_scores": z.tolist(),
        "jensen_shannon_nats": jensen_shannon(ours, real),
        "jensen_shannon_nats_by_chance": (len(centres) - 1) / 8 * (1 / len(samples) + 1 / len(counted)),
        **_heldout_details(inputs, centres, real),
        "seed": inputs.seed,
    }
    interval = wilson_interval(differing, len(centres))
    return MetricResult(differing / len(centres), interval, CI_METHOD, len(samples), len(train), details)


def _heldout_details(inputs: MetricInputs, centres: npt.NDArray[np.float32], real: Counts) -> dict[str, Any]:
    """What new real images have in the same bins: no more of them than there are samples."""
    if inputs.heldout is None:
        return {}
    chosen = np.random.default_rng(inputs.seed).permutation(len(inputs.heldout.features))
    counts = bin_counts(inputs.heldout.features[np.sort(chosen[: len(inputs.samples.features)])], centres)
    share = float((np.abs(z_scores(counts, real)) > Z95).mean())
    divergence = jensen_shannon(counts, real)
    return {"heldout_ndb": share, "heldout_jensen_shannon_nats": divergence, "num_heldout": int(counts.sum())}


def _kl(p: Shares, q: Shares) -> float:
    return math.fsum(p[p > 0] * np.log(p[p > 0] / q[p > 0]))


NDB = MetricInfo(
    id="ndb",
    title="NDB/K",
    compute=compute_ndb,
    higher_is_better=False,
    needs=("train",),
    description="The share of kinds of images, found by clustering, of which the samples have clearly too many or too "
    "few.",
    range="0 to 1; 0.05 or a little less for new real images",
    bounds=(0, 1),
    interval="Other samples of the same generator, for these bins and numbers of images: Wilson's score interval over "
    "the bins.",
    choices="Bins by seeded k-means in the extractor's features, where the paper has pixels. Half of the training "
    "images place the bins, the other half are counted. 100 bins, or as many as leave 20 images of the smaller side "
    "for each. Two-proportion z-test at 5 %. The details hold counts and z of each bin, the Jensen-Shannon divergence "
    "with what chance alone would give, and the same for held-out images.",
    cost="k-means of up to 25,600 images: some seconds.",
    limits="More images find more differences: compare only equal numbers of samples and training images. Says nothing "
    "of differences within a bin. Poor images fall into bins, too: the report shows all bins, and images of those that "
    "differ most.",
    paper="https://arxiv.org/abs/1805.12462",
    reference_code="https://github.com/eitanrich/gans-n-gmms/blob/master/ndb.py",
)
