"""Nearest training images: pairs worst first, what their distances mean, and what each metric of copying found."""

from __future__ import annotations

import numpy as np
import pytest

from ganbench.report.memory import (
    PAIRS,
    copied_pairs,
    distance_chart,
    neighbour_pairs,
    neighbours_view,
    share_farther,
    told,
)
from ganbench.report.pictures import Assets
from ganbench.results.schema import MetricRecord, MetricsFile

IMAGES = np.zeros((4, 8, 8, 1), np.uint8)


def record(value, interval, **details):
    return MetricRecord(
        title="T", value=value, ci95=interval, ci95_method="", higher_is_better=None, num_samples=1000,
        num_reference=2500, extractor=None, canonical=True, protocol="p", seconds=0.0, details=details,
    )  # fmt: skip


@pytest.fixture
def assets(tmp_path):
    return Assets(tmp_path / "out" / "assets")


@pytest.fixture
def stored():
    """Four pairs of which the nearer two were chosen for being near."""
    return {
        "samples": IMAGES,
        "neighbours": IMAGES,
        "feature_distance": np.array([4.0, 1.0, 3.0, 2.0], np.float32),
        "lpips_distance": np.array([0.4, 0.1, 0.3, 0.2], np.float32),
        "closest": np.array([False, True, False, True]),
    }


def test_pairs_come_worst_first_and_apart_from_random_ones(assets, stored):
    closest, drawn = neighbour_pairs(assets, stored, "x")
    assert closest.heading.startswith("The closest pairs")
    assert (closest.words, drawn.words) == (PAIRS, "")
    assert [picture.caption for picture in closest.pictures] == ["1.00 · LPIPS 0.100", "2.00 · LPIPS 0.200"]
    assert [picture.caption for picture in drawn.pictures] == ["3.00 · LPIPS 0.300", "4.00 · LPIPS 0.400"]


def test_a_distance_is_put_in_relation_to_those_of_held_out_images(assets, stored):
    stored |= {"heldout_distances": np.arange(1, 1001, dtype=np.float32) / 250}
    del stored["lpips_distance"]
    closest, drawn = neighbour_pairs(assets, stored, "x")
    assert [picture.caption for picture in closest.pictures] == ["1.00 · 75.0%", "2.00 · 50.0%"]
    assert [picture.caption for picture in drawn.pictures] == ["3.00 · 25.0%", "4.00 · 0.0%"]
    assert share_farther(0.0, np.zeros(3)) == 0  # equal is not farther: held-out images may be training images


def test_nothing_stored_gives_no_pairs_and_a_reason(assets, tmp_path):
    assert neighbour_pairs(assets, {}, "x") == ()
    view = neighbours_view(assets, tmp_path, MetricsFile(metrics={}, provenance={}), 0, "x")
    assert (view.groups, view.told, view.chart) == ((), (), None)
    assert view.missing.startswith("Not searched for")
    assert neighbours_view(assets, tmp_path, None, 0, "x").missing == "No neighbours are stored."


def test_likely_copies_are_flagged_by_their_relative_distance(assets):
    nearest = [{"sample": i, "train": i, "relative_distance": value} for i, value in enumerate((0.1, 0.5, 0.6, 0.9))]
    found = record(0.01, (0.0, 0.02), nearest=nearest, threshold=0.5, scale_k=5)
    group = copied_pairs(assets, {"samples": IMAGES, "neighbours": IMAGES}, found, "x")
    assert [picture.caption for picture in group.pictures] == ["0.10 · flagged", "0.50 · flagged", "0.60", "0.90"]
    assert "own distance to its fifth nearest other one. Samples are flagged up to 0.50" in group.words
    assert copied_pairs(assets, {"samples": IMAGES[:2], "neighbours": IMAGES[:2]}, found, "x") is None
    assert copied_pairs(assets, {}, found, "x") is None


def test_the_distances_of_both_sides_make_a_chart(assets):
    ours, heldout = np.linspace(0, 2, 100, dtype=np.float32), np.linspace(1, 5, 200, dtype=np.float32)
    chart = distance_chart(ours, heldout, "gan, seed 0")
    assert "median 1 of the samples of gan, seed 0, 3 of held-out real images" in chart.description
    assert "<svg" in chart.svg
    assert distance_chart(ours, None, "x") is None
    assert distance_chart(np.zeros(5), np.zeros(5), "x") is not None  # copies of a data set held out from nothing


@pytest.mark.parametrize(
    ("metric", "value", "interval", "details", "words"),
    [
        ("copies", 0.012, (0.004, 0.03), {"num_flagged": 22, "heldout_flagged": 10, "num_heldout": 1000},
         "Near-copies: 1.2% of 1,000 samples (95 % interval 0.4% to 3.0%), more than chance gives. 22 samples are "),
        ("copies", 0.0, (0.0, 0.01), {"num_flagged": 8, "heldout_flagged": 10, "num_heldout": 1000},
         "none is shown beyond chance. 8 samples are flagged, and of 1,000 held-out images, which are no copies, 10"),
        ("authenticity", 0.2, (0.18, 0.22), {"heldout_authenticity": 0.6}, "fewer than there, as copies would have it"),
        ("authenticity", 0.6, (0.58, 0.62), {"heldout_authenticity": 0.6}, "it is 60.0%: not told apart from that"),
        ("authenticity", 0.9, (0.88, 0.92), {"heldout_authenticity": 0.6}, "more than there, so no sign of copies"),
        ("ct", -3.0, (-4.0, -2.0), {}, "C_T: −3.00 (95 % interval −4.00 to −2.00): samples lie nearer"),
        ("ct", 0.1, (-0.4, 0.5), {}, "C_T: 0.10 (95 % interval −0.40 to 0.50): as held-out images have it."),
        ("ct", 9.0, (8.0, 10.0), {}, "samples lie farther from the training images"),
    ],
)  # fmt: skip
def test_each_metric_of_copying_is_told_beside_the_held_out_images(metric, value, interval, details, words):
    (sentence,) = told({metric: record(value, interval, **details)}, 0)
    assert words in sentence


def test_numbers_without_what_calibrates_them_are_not_told():
    assert told({"authenticity": record(0.5, (0.4, 0.6)), "nn_feature": record(5.0, None)}, 0) == ()
