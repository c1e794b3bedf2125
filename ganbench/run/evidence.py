"""The images behind some metrics, so that a reader can judge them by eye: ndb_bins.npz, birthday.npz, copies.npz.

The numbers that belong to the images stand in metrics.json, in the details of the metrics `ndb`, `birthday` and
`copies`, in the same order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.inputs import MetricInputs
from ganbench.metrics.intervals import Z95
from ganbench.results.store import BINS_FILE, BIRTHDAY_FILE, COPIES_FILE, write_arrays
from ganbench.types import MetricResult

NUM_BINS = 4  # with the clearest lack of samples, and as many with the clearest excess
NUM_IN_BIN = 4  # images a bin, of each side
MAX_DISTANCES = 1001  # of more, as many even quantiles
CALIBRATED = ("nn_feature", "authenticity", "copies")  # these search for the held-out images' neighbours as well
Indexes = npt.NDArray[np.int64]


def shown_bins(z_scores: Sequence[float]) -> Indexes:
    """The bins that differ most beyond chance: up to 4 with too few samples, up to 4 with too many; lowest z first."""
    z = np.asarray(z_scores, float)
    order = np.argsort(z, kind="stable")
    few, many = order[z[order] < -Z95][:NUM_BINS], order[z[order] > Z95][-NUM_BINS:]
    return np.concatenate([few, many])


def write_bins(folder: Path, inputs: MetricInputs, result: MetricResult) -> None:
    """Write images of the bins of NDB that differ most: `bins` [B], and of real images and of samples the pixels
    `real_images`, `sample_images` with the bin of each, `real_bins`, `sample_bins`. All are drawn at random.
    """
    bins, chosen = inputs.bins, shown_bins(result.details["z_scores"])
    rng = np.random.default_rng(inputs.seed)
    real, ours = (
        [_drawn(np.flatnonzero(places == number), rng) for number in chosen]
        for places in (bins.of_counted, bins.of_samples)
    )
    if len(chosen) == 0:
        return
    write_arrays(
        folder / BINS_FILE,
        {
            "bins": chosen.astype(np.int64),
            "real_images": inputs.images.train.take(bins.counted[np.concatenate(real)]),
            "real_bins": np.repeat(chosen, list(map(len, real))).astype(np.int64),
            "sample_images": inputs.images.samples.take(np.concatenate(ours)),
            "sample_bins": np.repeat(chosen, list(map(len, ours))).astype(np.int64),
        },
    )


def write_birthday(folder: Path, inputs: MetricInputs, result: MetricResult) -> None:
    """Write the nearest pairs of samples and of reference images: `samples`, `reference`, two images a pair."""
    pairs = [
        np.array([pair["images"] for pair in result.details[key]], np.int64).reshape(-1)
        for key in ("pairs", "reference_pairs")
    ]
    ours, theirs = inputs.images.samples.take(pairs[0]), inputs.images.reference.take(pairs[1])
    write_arrays(folder / BIRTHDAY_FILE, {"samples": ours, "reference": theirs})


def write_copies(folder: Path, inputs: MetricInputs, result: MetricResult) -> None:
    """Write the samples of the smallest relative distance, and the training image of each: `samples`, `neighbours`."""
    pairs: Sequence[Mapping[str, Any]] = result.details["nearest"]
    ours, theirs = (np.array([pair[key] for pair in pairs], np.int64) for key in ("sample", "train"))
    samples, neighbours = inputs.images.samples.take(ours), inputs.images.train.take(theirs)
    write_arrays(folder / COPIES_FILE, {"samples": samples, "neighbours": neighbours})


def neighbour_distances(inputs: MetricInputs, measured: Mapping[str, MetricResult]) -> dict[str, npt.NDArray[Any]]:
    """Distances to the nearest training image, rising, of the samples and of the held-out images, for neighbours.npz.

    Empty where no metric looked for the neighbours of the held-out images.
    """
    heldout = inputs.heldout_neighbours if any(name in measured for name in CALIBRATED) else None
    if heldout is None:
        return {}
    sides = {"all_distances": inputs.neighbours.distances, "heldout_distances": heldout.distances}
    return {name: _quantiles(distances) for name, distances in sides.items()}


def _drawn(members: Indexes, rng: np.random.Generator) -> Indexes:
    return np.sort(rng.permutation(members)[:NUM_IN_BIN])


def _quantiles(distances: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    if len(distances) > MAX_DISTANCES:
        distances = np.quantile(distances, np.linspace(0, 1, MAX_DISTANCES))
    return np.sort(distances).astype(np.float32)
