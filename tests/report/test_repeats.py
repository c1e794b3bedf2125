"""The birthday test on the page: an estimate or a lower limit, and pairs of samples beside pairs of real images."""

from __future__ import annotations

import numpy as np
import pytest

from ganbench.report.pictures import Assets
from ganbench.report.repeats import repeats
from ganbench.results.schema import MetricRecord


@pytest.fixture
def assets(tmp_path):
    return Assets(tmp_path / "out" / "assets")


def record(at_least):
    pairs = [{"images": [2 * i, 2 * i + 1], "distance": 1.0 + i, "lpips": 0.1 if i else None} for i in range(3)]
    details = {
        "at_least": at_least, "num_pairs": 499500, "num_repeated_pairs": 37, "repeated_pairs_by_chance": 3.21,
        "threshold": 2.0, "pairs": pairs, "reference_pairs": pairs[:1],
    }  # fmt: skip
    return MetricRecord(
        title="Support", value=13479.3, ci95=None if at_least else (9000.0, 21000.0), ci95_method="",
        higher_is_better=None, num_samples=1000, num_reference=2500, extractor=None, canonical=True, protocol="p",
        seconds=0.0, details=details,
    )  # fmt: skip


def test_an_estimate_has_its_interval(assets, tmp_path):
    words = " ".join(repeats(assets, tmp_path, record(at_least=False), "x").words)
    assert "About 13,500 different images (95 % interval 9,000 to 21,000)" in words
    assert "Repeats among the 499,500 pairs of 1,000 samples: 37, no farther apart than 2" in words
    assert "By chance there would be 3.21." in words


def test_a_lower_limit_is_called_one(assets, tmp_path):
    words = " ".join(repeats(assets, tmp_path, record(at_least=True), "x").words)
    assert "At least 13,500 different images: a lower limit only" in words


def test_pairs_of_samples_stand_beside_pairs_of_real_images(assets, tmp_path):
    np.savez(
        tmp_path / "birthday.npz", samples=np.zeros((6, 8, 8, 1), np.uint8), reference=np.zeros((2, 8, 8, 1), "u1")
    )
    ours, real = repeats(assets, tmp_path, record(at_least=False), "gan, seed 0").groups
    assert (ours.heading, real.heading) == ("Nearest pairs of samples by gan, seed 0", "Nearest pairs of real images")
    assert [picture.caption for picture in ours.pictures] == [
        "1.00", "2.00 · LPIPS 0.100", "3.00 · LPIPS 0.100 · beyond",
    ]  # fmt: skip
    assert len(real.pictures) == 1


def test_files_that_do_not_fit_the_numbers_are_not_shown(assets, tmp_path):
    np.savez(tmp_path / "birthday.npz", samples=np.zeros((2, 8, 8, 1), np.uint8))
    assert repeats(assets, tmp_path, record(at_least=False), "x").groups == ()
    assert repeats(assets, tmp_path, None, "x") is None
