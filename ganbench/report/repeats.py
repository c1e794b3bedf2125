"""The birthday test on the page: the estimated support, and the pairs of samples that it takes for repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganbench.report.pictures import Arrays, Assets, are_images, draw, load_arrays
from ganbench.report.view import PairGroup, Picture, Repeats
from ganbench.report.words import interval_words, number
from ganbench.results.schema import MetricRecord
from ganbench.results.store import BIRTHDAY_FILE

MAX_PAIRS = 8
JUDGE = (
    "How to judge: where the pairs of samples show one and the same image while the real pairs are only alike, the "
    "generator repeats itself, and the number holds. Where the pairs of samples are different images, or blurred or "
    "broken ones that merely look alike to the extractor, the number is too low."
)


def repeats(assets: Assets, folder: Path, record: MetricRecord | None, name: str) -> Repeats | None:
    """The metric `birthday` in words with its pairs; None where it was not measured."""
    if record is None or "threshold" not in record.details:
        return None
    arrays = load_arrays(folder / BIRTHDAY_FILE)
    groups = (
        _group(assets, arrays, "samples", record.details, "pairs", f"Nearest pairs of samples by {name}"),
        _group(assets, arrays, "reference", record.details, "reference_pairs", "Nearest pairs of real images"),
    )
    return Repeats(_words(record), JUDGE, tuple(group for group in groups if group is not None))


def _words(record: MetricRecord) -> tuple[str, ...]:
    details = record.details
    value = number(_rounded(record.value), 0)
    repeated, chance = details.get("num_repeated_pairs", 0), details.get("repeated_pairs_by_chance", 0.0)
    counted = (
        f"Repeats among the {details.get('num_pairs', 0):,} pairs of {record.num_samples:,} samples: {repeated:,}, "
        f"no farther apart than {details['threshold']:.3g}, which about one pair among as many real images is. By "
        f"chance there would be {chance:.3g}"
    )
    if details.get("at_least"):
        found = (
            f"At least {value} different images: a lower limit only, since there are no more repeats than chance may "
            "give. No upper limit can be told from this many samples."
        )
    else:
        low, high = record.ci95 or (record.value, record.value)
        interval = interval_words((_rounded(low), _rounded(high)), ",.0f")
        found = (
            f"About {value} different images{interval}: the support of an even generator that would repeat itself as "
            "often. The interval covers the drawing of samples from this one trained generator."
        )
    return found, f"{counted}."


def _rounded(value: float) -> float:
    """To three digits: no more are known of a support."""
    return float(f"{value:.3g}")


def _group(
    assets: Assets, arrays: Arrays, key: str, details: Mapping[str, Any], pairs_key: str, heading: str
) -> PairGroup | None:
    images, pairs = arrays.get(key), details.get(pairs_key) or []
    if not are_images(images) or len(images) != 2 * len(pairs) or not pairs:
        return None
    threshold: float = details["threshold"]
    shown: Sequence[Mapping[str, Any]] = pairs[:MAX_PAIRS]
    pictures: list[Picture] = []
    for i, pair in enumerate(shown):
        caption = f"{pair['distance']:#.3g}"
        caption += f" · LPIPS {pair['lpips']:.3f}" if pair.get("lpips") is not None else ""
        within = "a repeat" if pair["distance"] <= threshold else "beyond the limit"
        alt = f"{heading}: number {i + 1}, feature distance {pair['distance']:.3g}, {within}"
        caption += "" if pair["distance"] <= threshold else " · beyond"
        pictures.append(draw(assets, f"pair {key}", images[2 * i : 2 * i + 2], 2, alt, caption))
    return PairGroup(heading, "", tuple(pictures))
