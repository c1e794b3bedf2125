"""C_T: are samples nearer to the training images than new real images are? A test with three sets of images.

Paper: Meehan et al. 2020, arXiv:2004.05675. Reference code: `data_copying_tests.py` of
github.com/casey-meehan/data-copying.

The feature space is cut into cells by k-means on the training images. In each cell, the distances of samples and of
held-out images to the nearest training image of that cell are compared by the Mann-Whitney U statistic, as a z score:
below 0 where samples are nearer. C_T is the mean of the z scores, weighted by the held-out images in each cell.

Choices. 50 cells, the number of the paper's MNIST experiment, but fewer where they would hold fewer than 200 images of
the smallest set on average. A cell counts when it holds at least 20 samples, as in the paper's experiments, and 20
held-out images too, where the reference code stops with an error at 0. Equal distances count half and shrink the
variance as in scipy, so that exact copies are treated exactly; the reference code leaves the variance as it is and adds
a continuity correction of 0.5 that points upwards. FAISS finds the centres on at most 256 training images a cell, drawn
by the seed; then all are put into cells, and cells that no training image falls into are dropped. Features are the
evaluation's own, not reduced to 64 dimensions.

Interval: bootstrap of samples and held-out images, given the training images and the cells.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from ganbench.metrics.neighbours import Floats, nearest
from ganbench.types import MetricInfo, MetricResult, MetricUnavailableError

if TYPE_CHECKING:
    from ganbench.metrics.inputs import MetricInputs

MAX_CELLS = 50
IMAGES_PER_CELL = 200
MIN_IN_CELL = 20
NUM_RESAMPLES = 200
CI_METHOD = f"bootstrap: 2.5 and 97.5 percentiles of {NUM_RESAMPLES} resamples of the samples and held-out images"


class Placed(NamedTuple):
    """Images by their cell, int64 [N], and their distance to the nearest training image of that cell, float64 [N]."""

    cells: npt.NDArray[np.int64]
    distances: npt.NDArray[np.float64]

    def resampled(self, rng: np.random.Generator) -> Placed:
        """As many images, drawn with replacement."""
        drawn = rng.integers(len(self.cells), size=len(self.cells))
        return Placed(self.cells[drawn], self.distances[drawn])


def number_of_cells(num_samples: int, num_heldout: int, num_train: int) -> int:
    """50, or as many as leave 200 images of the smallest set for each."""
    return max(1, min(MAX_CELLS, min(num_samples, num_heldout, num_train) // IMAGES_PER_CELL))


def place(samples: Floats, heldout: Floats, train: Floats, *, num_cells: int, seed: int) -> tuple[Placed, Placed]:
    """Put samples [N, D] and held-out images [L, D] into the cells of a seeded k-means of `train` [M, D].

    Every cell holds a training image.
    """
    import faiss  # noqa: PLC0415  # heavy, and most of the package works without it

    base = np.ascontiguousarray(train, np.float32)
    kmeans = faiss.Kmeans(base.shape[1], num_cells, niter=20, seed=seed % 2**31)
    kmeans.train(base)
    filled = np.unique(kmeans.index.search(base, 1)[1])
    index = faiss.IndexFlatL2(base.shape[1])
    index.add(np.asarray(kmeans.centroids)[filled])

    def cells_of(features: Floats) -> npt.NDArray[np.int64]:
        return np.asarray(index.search(np.ascontiguousarray(features, np.float32), 1)[1][:, 0])

    train_cells = cells_of(base)
    return _placed(samples, cells_of(samples), train, train_cells), _placed(
        heldout, cells_of(heldout), train, train_cells
    )


def z_score(samples: npt.NDArray[np.float64], heldout: npt.NDArray[np.float64]) -> float:
    """Mann-Whitney U of distances [m] against distances [n] as a z score; 0 where all are equal."""
    from scipy.stats import rankdata  # noqa: PLC0415  # heavy

    m, n = len(samples), len(heldout)
    both = np.concatenate([samples, heldout])
    above = rankdata(both)[:m].sum() - m * (m + 1) / 2  # pairs in which the sample is farther
    ties = np.unique(both, return_counts=True)[1].astype(np.float64)
    variance = m * n / 12 * (m + n + 1 - (ties**3 - ties).sum() / ((m + n) * (m + n - 1)))
    return float((above - m * n / 2) / math.sqrt(variance)) if variance > 0 else 0.0


def counted_cells(samples: Placed, heldout: Placed) -> npt.NDArray[np.int64]:
    """The cells with at least 20 images of each set."""
    size = 1 + max(samples.cells.max(), heldout.cells.max())
    counts = [np.bincount(placed.cells, minlength=size) for placed in (samples, heldout)]
    return np.flatnonzero(np.minimum(*counts) >= MIN_IN_CELL)


def copying_score(samples: Placed, heldout: Placed, cells: npt.NDArray[np.int64]) -> tuple[float, list[float]]:
    """C_T over these cells, and the z score of each."""
    groups = [(samples.distances[samples.cells == i], heldout.distances[heldout.cells == i]) for i in cells]
    scores = [z_score(*group) for group in groups]
    return float(np.average(scores, weights=[len(real) for _, real in groups])), scores


def compute_ct(inputs: MetricInputs) -> MetricResult:
    """C_T of the samples against held-out images, round the training images."""
    if inputs.heldout is None:
        raise MetricUnavailableError(
            "C_T compares with real images that the generator has not seen: name them with --heldout REF"
        )
    samples, heldout, train = inputs.samples.features, inputs.heldout.features, inputs.train.features
    if not np.ptp(train, axis=0).any():
        raise MetricUnavailableError("C_T: all training images have the same features, so no distance means anything")
    num_cells = number_of_cells(len(samples), len(heldout), len(train))
    placed_samples, placed_heldout = place(samples, heldout, train, num_cells=num_cells, seed=inputs.seed)
    cells = counted_cells(placed_samples, placed_heldout)
    if len(cells) == 0:
        raise MetricUnavailableError(
            f"C_T needs {MIN_IN_CELL} samples and {MIN_IN_CELL} held-out images in one cell, and no cell of "
            f"{num_cells} has them; there are {len(samples)} samples and {len(heldout)} held-out images"
        )
    value, scores = copying_score(placed_samples, placed_heldout, cells)
    details: dict[str, Any] = {
        "num_cells": num_cells,
        "num_cells_counted": len(cells),
        "z_scores": scores,
        "share_of_samples_in_counted_cells": float(np.isin(placed_samples.cells, cells).mean()),
        "num_heldout": len(heldout),
        "seed": inputs.seed,
    }
    interval = _bootstrap(placed_samples, placed_heldout, cells, inputs.seed)
    return MetricResult(value, interval, CI_METHOD, len(samples), len(train), details)


def _placed(
    features: Floats, cells: npt.NDArray[np.int64], train: Floats, train_cells: npt.NDArray[np.int64]
) -> Placed:
    distances = np.empty(len(features))
    for cell in np.unique(cells):
        here = cells == cell
        distances[here] = np.sqrt(nearest(features[here], train[train_cells == cell], 1)[0][:, 0])
    return Placed(cells, distances)


def _bootstrap(samples: Placed, heldout: Placed, cells: npt.NDArray[np.int64], seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    values = []
    for _ in range(NUM_RESAMPLES):
        drawn = samples.resampled(rng), heldout.resampled(rng)
        filled = np.intersect1d(np.intersect1d(drawn[0].cells, drawn[1].cells), cells)
        values.append(copying_score(*drawn, filled)[0])
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


CT_SCORE = MetricInfo(
    id="ct",
    title="C_T",
    compute=compute_ct,
    higher_is_better=None,
    needs=("train", "heldout"),
    description="Whether samples are nearer to the training images than new real images are: below 0, they are.",
    range="any number; about 0 for new real images, far above 0 for samples unlike the data. With 200 samples and 200 "
    "held-out images a cell, each per cent of copies among otherwise new images takes off about 0.18: -18 for copies "
    "only",
    interval="Sampling of the generated and held-out images (bootstrap), for this training set and these cells. "
    "Copying is significant where it lies below 0.",
    choices="Up to 50 cells by seeded k-means, 200 images of the smallest set in each on average; cells with fewer "
    "than 20 samples or held-out images are left out; equal distances count half; k-means sees at most 256 training "
    "images a cell.",
    cost="k-means of the training images and a search within each cell: a fraction of nn_feature's search.",
    limits="Grows with the square root of the number of images per cell: compare only equal numbers of samples and "
    "held-out images. Copies of some images and poor samples elsewhere can cancel: look at the cells' scores in the "
    "details.",
    paper="https://arxiv.org/abs/2004.05675",
    reference_code="https://github.com/casey-meehan/data-copying/blob/master/data_copying_tests.py",
)
