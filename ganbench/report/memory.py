"""Memorisation on the page: the nearest training images, what their distances mean, and what the metrics make of them.

Distances mean little by themselves: everything is set beside the same distances of real images that were held out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ganbench.report.drawing import INK, SERIES, drawn, svg
from ganbench.report.pictures import Arrays, Assets, are_images, draw, load_arrays
from ganbench.report.view import Chart, NeighboursView, PairGroup, Picture
from ganbench.report.words import MINUS, interval_words
from ganbench.results.controls import COPYING_SHARE, copying_share
from ganbench.results.schema import MetricRecord, MetricsFile
from ganbench.results.store import COPIES_FILE, NEIGHBOURS_FILE

NEIGHBOUR_METRICS = ("nn_feature", "nn_lpips", "authenticity", "ndb", "ct", "copies")  # these search for neighbours
MAX_PAIRS = 8
NUM_STEPS = 40  # of the histogram
PAIRS = "Left a sample, right the training image nearest to it in feature space, below their distance."
FARTHER = (
    " The share is that of the held-out images that are farther from their nearest training image: from 99 % on, the "
    "pair is closer than real images usually are."
)
Records = Mapping[str, MetricRecord]

FAR = 1.5  # times the distance of held-out images: such samples are unlike the data


def neighbours_view(
    assets: Assets, folder: Path, metrics: MetricsFile | None, num_in_row: int, name: str
) -> NeighboursView:
    """All about one trial's nearest training images; `num_in_row`: how many images the row of real images has."""
    records: Records = metrics.metrics if metrics else {}
    arrays = load_arrays(folder / NEIGHBOURS_FILE)
    heldout = arrays.get("heldout_distances")
    copies = copied_pairs(assets, load_arrays(folder / COPIES_FILE), records.get("copies"), name)
    groups = (*((copies,) if copies else ()), *neighbour_pairs(assets, arrays, name))
    return NeighboursView(
        told=told(records, num_in_row),
        chart=distance_chart(arrays.get("all_distances"), heldout, name),
        groups=groups,
        missing="" if groups else _missing(metrics),
    )


def neighbour_pairs(assets: Assets, arrays: Arrays, name: str) -> tuple[PairGroup, ...]:
    """Sample and nearest training image side by side: the closest pairs, then pairs drawn at random, nearest first.

    `closest` in the file tells the two apart; without it all pairs count as closest.
    """
    samples, neighbours, distances = (arrays.get(key) for key in ("samples", "neighbours", "feature_distance"))
    if not are_images(samples) or not are_images(neighbours) or distances is None:
        return ()
    words = PAIRS if arrays.get("heldout_distances") is None else f"{PAIRS}{FARTHER}"
    is_closest = arrays.get("closest", np.ones(len(samples), bool))
    order = np.argsort(distances, kind="stable")
    groups: list[PairGroup] = []
    for heading, wanted in (("The closest pairs, worst first", True), ("Pairs drawn at random, nearest first", False)):
        chosen = [i for i in order if bool(is_closest[i]) == wanted][:MAX_PAIRS]
        pictures = []
        for i in chosen:
            pair, distance = np.stack([samples[i], neighbours[i]]), float(distances[i])
            alt = f"A sample by {name} and its nearest training image, feature distance {distance:.3g}"
            caption = " · ".join(_pair_words(arrays, int(i), distance))
            pictures.append(draw(assets, f"{name} neighbour", pair, 2, alt, caption))
        if pictures:
            groups.append(PairGroup(heading, "" if groups else words, tuple(pictures)))
    return tuple(groups)


def _pair_words(arrays: Arrays, i: int, distance: float) -> Iterator[str]:
    yield f"{distance:#.3g}"
    heldout, perceptual = arrays.get("heldout_distances"), arrays.get("lpips_distance")
    if heldout is not None and len(heldout):
        yield f"{share_farther(distance, heldout):.1%}"
    if perceptual is not None:
        yield f"LPIPS {perceptual[i]:.3f}"


def share_farther(distance: float, heldout: npt.NDArray[np.floating]) -> float:
    """The share of held-out images that are farther from their nearest training image than `distance`."""
    return float((heldout > distance * (1 + 1e-6)).mean())  # the stored ones are float32


def copied_pairs(assets: Assets, arrays: Arrays, record: MetricRecord | None, name: str) -> PairGroup | None:
    """The samples of the smallest relative distance, by which near-copies are told."""
    samples, neighbours = arrays.get("samples"), arrays.get("neighbours")
    pairs = record.details.get("nearest") or [] if record else []
    if record is None or not are_images(samples) or not are_images(neighbours):
        return None
    if not len(samples) == len(neighbours) == len(pairs) > 0:
        return None
    threshold, pictures = float(record.details["threshold"]), list[Picture]()
    for sample, neighbour, pair in list(zip(samples, neighbours, pairs, strict=True))[:MAX_PAIRS]:
        relative = float(pair["relative_distance"])
        flagged = " · flagged" if relative <= threshold else ""
        alt = f"A sample by {name} and its nearest training image, relative distance {relative:.3g}{flagged}"
        pictures.append(draw(assets, f"{name} copy", np.stack([sample, neighbour]), 2, alt, f"{relative:.2f}{flagged}"))
    words = (
        "Left a sample, right its nearest training image, below their relative distance: over that training image's "
        f"own distance to its {_ordinal(record.details.get('scale_k', 5))} nearest other one. Samples are flagged up "
        f"to {threshold:.2f}, as the nearest 1 % of held-out images are."
    )
    return PairGroup("The likeliest copies, worst first", words, tuple(pictures))


def _ordinal(k: int) -> str:
    return {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth"}.get(k, f"{k}th")


def distance_chart(
    ours: npt.NDArray[np.floating] | None, heldout: npt.NDArray[np.floating] | None, name: str
) -> Chart | None:
    """Histograms of the distances to the nearest training image: samples filled, held-out images as a line."""
    if ours is None or heldout is None or min(len(ours), len(heldout)) < 2:
        return None
    end = float(max(np.quantile(ours, 0.995), np.quantile(heldout, 0.995))) or 1.0
    edges = np.linspace(0, end, NUM_STEPS + 1)
    shares = [np.histogram(side.clip(0, end), edges)[0] / len(side) for side in (ours, heldout)]
    first = float(np.quantile(heldout, 0.01))
    with drawn("feature distance to the nearest training image", "share") as (figure, axes):
        axes.stairs(shares[0], edges, fill=True, color=SERIES[0], alpha=0.45, label="samples")
        axes.stairs(shares[1], edges, color=SERIES[1], linewidth=1.5, label="held-out real images")
        axes.axvline(first, color=INK, linewidth=0.8, linestyle=":", label="nearest 1 % of these")
        axes.set_ylim(0, 1.08 * max(float(side.max()) for side in shares))
        axes.legend(frameon=False, ncols=2, loc="lower left", bbox_to_anchor=(0, 0.98), borderaxespad=0, fontsize=8)
        words = (
            f"Distances to the nearest training image: median {np.median(ours):.3g} of the samples of {name}, "
            f"{np.median(heldout):.3g} of held-out real images, of which the nearest 1 % lie below {first:.3g}."
        )
        return Chart("How near to the training images", svg(figure, words), words)


def told(records: Records, num_in_row: int) -> tuple[str, ...]:
    """What each metric of copying found, in a sentence with its interval and what held-out images have."""
    sentences = (
        _calibration(records.get("nn_feature"), num_in_row),
        _copies(records.get("copies")),
        _authenticity(records.get("authenticity")),
        _ct(records.get("ct")),
    )
    return tuple(sentence for sentence in sentences if sentence)


def _calibration(record: MetricRecord | None, num_in_row: int) -> str:
    """What the distances to the nearest training images mean, measured against held-out real images.

    `num_in_row`: how many of these the row of real images has, whose median is therefore another.
    """
    details = record.details if record else {}
    heldout, share = details.get("heldout_median"), copying_share(record)
    if record is None or not isinstance(heldout, int | float) or share is None:
        return ""
    num_heldout = details.get("num_heldout")
    count = f" all {num_heldout:,}" if num_heldout else ""
    in_row = f" (the table's row of real images has {num_in_row:,} of them)" if 0 < num_in_row != num_heldout else ""
    words = (
        f"The median distance of {record.num_samples:,} samples is {record.value:.3g}; of{count} held-out real images "
        f"it is {heldout:.3g}{in_row}. {share:.1%} of the samples lie closer to a training image than 99% of these do"
    )
    expected = details.get("heldout_share_closer_than_percentile_1", 0.01)  # more where held-out images repeat others
    if share >= max(COPYING_SHARE, 2 * expected):
        return f"{words}, where {expected:.0%} is expected: copies, or a few very typical images."
    words += f", where {expected:.0%} is expected: nothing here points to copying."
    if heldout > 0 and record.value > FAR * heldout:
        words += " The samples are far from any real image, so that says little for them."
    return words


def _copies(record: MetricRecord | None) -> str:
    flagged = record.details.get("num_flagged") if record else None
    if record is None or record.ci95 is None or flagged is None:
        return ""
    by_chance, num_heldout = record.details.get("heldout_flagged", 0), record.details.get("num_heldout", 0)
    verdict = "more than chance gives" if record.ci95[0] > 0 else "none is shown beyond chance"
    return (
        f"Near-copies: {record.value:.1%} of {record.num_samples:,} samples{interval_words(record.ci95, '.1%')}, "
        f"{verdict}. {flagged:,} samples are flagged, and of {num_heldout:,} held-out images, which are no copies, "
        f"{by_chance:,}: that share is taken off."
    )


def _authenticity(record: MetricRecord | None) -> str:
    heldout = record.details.get("heldout_authenticity") if record else None
    if record is None or not isinstance(heldout, int | float):
        return ""
    low, high = record.ci95 or (record.value, record.value)
    verdict = "not told apart from that"
    if high < heldout:
        verdict = "fewer than there, as copies would have it"
    elif low > heldout:
        verdict = "more than there, so no sign of copies"
    return (
        f"Authenticity: {record.value:.1%} of the samples{interval_words(record.ci95, '.1%')} are farther from their "
        f"training image than that is from its nearest other one. Of held-out images it is {heldout:.1%}: {verdict}."
    )


def _ct(record: MetricRecord | None) -> str:
    if record is None or record.ci95 is None:
        return ""
    low, high = record.ci95
    verdict = (
        "samples lie nearer to the training images than held-out ones do, which points to copies"
        if high < 0
        else "samples lie farther from the training images than held-out ones do"
        if low > 0
        else "as held-out images have it"
    )
    value = f"{record.value:.2f}".replace("-", MINUS)
    return f"C_T: {value}{interval_words(record.ci95, '.2f')}: {verdict}."


def _missing(metrics: MetricsFile | None) -> str:
    """Why there are no neighbours: nothing was asked for that needs them, or they are not stored."""
    if metrics is None or any(name in metrics.metrics for name in NEIGHBOUR_METRICS):
        return "No neighbours are stored."
    *first, last = NEIGHBOUR_METRICS
    return (
        "Not searched for: no metric of this benchmark needs them. With "
        f"{', '.join(first)} or {last} among its metrics they are shown."
    )
