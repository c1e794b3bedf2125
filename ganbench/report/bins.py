"""NDB on the page: the share of samples in each bin beside that of real images, and what lies in those that differ."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from ganbench.metrics.intervals import Z95
from ganbench.report.drawing import GRID, INK, SERIES, drawn, svg
from ganbench.report.pictures import Arrays, Assets, are_images, draw, load_arrays
from ganbench.report.view import BinRow, Bins, Chart, Picture
from ganbench.report.words import interval_words, number
from ganbench.results.schema import MetricRecord
from ganbench.results.store import BINS_FILE

FEW, MANY = "too few", "too many"
TILE_PIXELS = 40  # smaller images are shown enlarged by a whole factor
Floats = npt.NDArray[np.float64]


def ndb_bins(assets: Assets, folder: Path, record: MetricRecord | None, name: str) -> Bins | None:
    """The bins of the metric `ndb`; None where it was not measured, or does not tell them."""
    details = record.details if record is not None else {}
    ours, real, z = (np.array(details.get(key) or [], float) for key in ("counts", "real_counts", "z_scores"))
    if record is None or not len(ours) == len(real) == len(z) > 0 or min(ours.sum(), real.sum()) <= 0:
        return None
    rows = _rows(assets, load_arrays(folder / BINS_FILE), (ours, real, z), name)
    return Bins(_chart(ours, real, z, name), _words(record), int((np.abs(z) > Z95).sum()), rows)


def chance_limits(real: Floats, num_samples: float) -> tuple[Floats, Floats]:
    """The shares [K] of samples at which the two-proportion z of a bin is -1.96 and 1.96, given the real counts [K].

    The roots p of (p - q)² = z² r (1 - r) (1/n + 1/m) with r = (n p + m q) / (n + m).
    """
    n, m = num_samples, real.sum()
    q, weight = real / m, n / (n + m)
    c, rest = Z95**2 * (1 / n + 1 / m), m * q / (n + m)
    a, b = 1 + c * weight**2, -2 * q - c * weight * (1 - 2 * rest)
    root = np.sqrt(np.maximum(b**2 - 4 * a * (q**2 - c * rest * (1 - rest)), 0))
    return ((-b - root) / (2 * a)).clip(0), (-b + root) / (2 * a)


def _chart(ours: Floats, real: Floats, z: Floats, name: str) -> Chart:
    """Bins in order of their real share; the band is what chance allows, and marks outside it differ."""
    order = np.argsort(-real, kind="stable")
    shares, real_shares, z = ours[order] / ours.sum(), real[order] / real.sum(), z[order]
    low, high = chance_limits(real[order], float(ours.sum()))
    places = np.arange(len(order)) + 1
    few, many = z < -Z95, z > Z95
    marks = (
        (~few & ~many, "o", INK, 3.0, "samples, within chance"), (few, "v", SERIES[1], 5.0, FEW),
        (many, "^", SERIES[3], 5.0, MANY),
    )  # fmt: skip
    with drawn("bin, the most common first", "share", height=2.8) as (figure, axes):
        axes.fill_between(places, low, high, color=GRID, linewidth=0, label="within chance of the real share")
        axes.plot(places, real_shares, color=SERIES[0], linewidth=1.3, label="real images")
        for chosen, marker, colour, size, label in marks:
            if chosen.any():
                axes.plot(places[chosen], shares[chosen], marker, color=colour, markersize=size, label=label)
        axes.set_ylim(0, 1.08 * max(float(shares.max()), float(high.max())))
        axes.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 0.98), borderaxespad=0, fontsize=8)
        words = (
            f"Shares of {len(order)} bins among the samples of {name} beside those among real images: {few.sum()} with "
            f"{FEW}, {many.sum()} with {MANY}, the others within chance."
        )
        return Chart("Samples and real images, bin by bin", svg(figure, words), words)


def _words(record: MetricRecord) -> tuple[str, ...]:
    """How many bins differ, what would by chance, and by how much all of them."""
    details = record.details
    num_bins = len(details["counts"])
    extractor = f" in features of {record.extractor.name}" if record.extractor else ""
    compared = number(sum(details["real_counts"]), 0)
    words = [
        f"k-means cuts the training images into {num_bins} bins, each a kind of image{extractor}. Compared are "
        f"{record.num_samples:,} samples with {compared} training images that did not place the bins."
    ]
    differ = (
        f"{details.get('num_different')} of {num_bins} bins differ beyond chance: NDB/K is {record.value:.1%}"
        f"{interval_words(record.ci95, '.1%')}, the interval being over the bins. About 5 % differ where nothing does"
    )
    heldout = details.get("heldout_ndb")
    if _known(heldout):
        differ += f"; of {details.get('num_heldout', 0):,} held-out real images it is {heldout:.1%}"
    words.append(f"{differ}.")
    divergence, chance = (details.get(f"jensen_shannon_nats{end}") for end in ("", "_by_chance"))
    if _known(divergence) and _known(chance):
        unseen = details.get("heldout_jensen_shannon_nats")
        of_unseen = f", that of held-out images {unseen:.3f}" if _known(unseen) else ""
        words.append(
            f"The Jensen-Shannon divergence of the two histograms is {divergence:.3f} nats (0 for equal, "
            f"{math.log(2):.2f} for disjoint ones); chance alone gives about {chance:.3f}{of_unseen}."
        )
    return tuple(words)


def _known(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)


def _rows(assets: Assets, arrays: Arrays, counts: tuple[Floats, Floats, Floats], name: str) -> tuple[BinRow, ...]:
    """The bins of which images are stored: those with the clearest lack of samples, then those with an excess."""
    ours, real, z = counts
    rows = []
    for i in (int(place) for place in arrays.get("bins", ())):
        pictures = [
            _images(assets, arrays, side, i, f"{words} of bin {i}, for {name}")
            for side, words in (("real", "Real images"), ("sample", "Samples"))
        ]
        if 0 <= i < len(z):
            rows.append(
                BinRow(
                    verdict=FEW if z[i] < 0 else MANY,
                    real=pictures[0],
                    samples=pictures[1],
                    real_share=f"{real[i] / real.sum():.1%}",
                    share=f"{ours[i] / ours.sum():.1%}",
                    z=number(float(z[i]), 1),
                )
            )
    return tuple(rows)


def _images(assets: Assets, arrays: Arrays, side: str, number_of_bin: int, alt: str) -> Picture | None:
    images, bins = arrays.get(f"{side}_images"), arrays.get(f"{side}_bins")
    if not are_images(images) or bins is None or len(bins) != len(images):
        return None
    chosen: Sequence[int] = np.flatnonzero(bins == number_of_bin).tolist()
    if not chosen:
        return None
    return draw(assets, f"bin {side}", images[chosen], len(chosen), alt, tile_pixels=TILE_PIXELS)
