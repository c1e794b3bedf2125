"""NDB on the page: which bins are marked, the limits of chance, and the images that stand beside them."""

from __future__ import annotations

import numpy as np
import pytest

from ganbench.metrics.intervals import Z95
from ganbench.metrics.ndb import z_scores
from ganbench.report.bins import chance_limits, ndb_bins
from ganbench.report.pictures import Assets
from ganbench.results.schema import MetricRecord


@pytest.fixture
def assets(tmp_path):
    return Assets(tmp_path / "out" / "assets")


@pytest.fixture
def record():
    """Of five bins the second has no sample and the third twice too many."""
    ours, real = np.array([200, 0, 400, 210, 190]), np.array([100, 100, 100, 110, 90])
    details = {
        "num_different": 2, "counts": ours.tolist(), "real_counts": real.tolist(),
        "z_scores": z_scores(ours, real).tolist(), "jensen_shannon_nats": 0.0812,
        "jensen_shannon_nats_by_chance": 0.0013, "heldout_ndb": 0.0,
        "heldout_jensen_shannon_nats": 0.002, "num_heldout": 800,
    }  # fmt: skip
    return MetricRecord(
        title="NDB/K", value=0.4, ci95=(0.12, 0.77), ci95_method="", higher_is_better=False, num_samples=1000,
        num_reference=1000, extractor=None, canonical=True, protocol="p", seconds=0.0, details=details,
    )  # fmt: skip


@pytest.fixture
def images(tmp_path):
    """Of the two bins that differ: two real images each, and of the third a sample."""
    pixels = np.zeros((4, 8, 8, 1), np.uint8)
    arrays = {"bins": [1, 2], "real_images": pixels, "real_bins": [1, 1, 2, 2], "sample_images": pixels[:1]}
    np.savez(tmp_path / "ndb_bins.npz", sample_bins=[2], **arrays)


@pytest.mark.parametrize("num_samples", [50, 1000, 20000])
def test_at_the_limits_z_is_that_of_the_test(num_samples):
    real = np.array([5, 20, 75, 400])
    for limits, z in zip(chance_limits(real.astype(float), num_samples), (-Z95, Z95), strict=True):
        for share, q in zip(limits, real / real.sum(), strict=True):
            if share > 0:  # below a few real images no lack of samples is beyond chance
                pooled = (num_samples * share + real.sum() * q) / (num_samples + real.sum())
                error = np.sqrt(pooled * (1 - pooled) * (1 / num_samples + 1 / real.sum()))
                assert (share - q) / error == pytest.approx(z)


def test_bins_are_told_with_chance_and_held_out_images_beside_them(assets, record, images, tmp_path):
    bins = ndb_bins(assets, tmp_path, record, "gan, seed 0")
    words = " ".join(bins.words)
    assert "1,000 samples with 500 training images that did not place the bins" in words
    assert "2 of 5 bins differ beyond chance: NDB/K is 40.0% (95 % interval 12.0% to 77.0%)" in words
    assert "of 800 held-out real images it is 0.0%" in words
    assert "0.081 nats" in words
    assert "chance alone gives about 0.001, that of held-out images 0.002" in words
    assert "1 with too few, 1 with too many, the others within chance" in bins.chart.description


def test_images_stand_beside_the_bins_that_differ(assets, record, images, tmp_path):
    few, many = ndb_bins(assets, tmp_path, record, "gan, seed 0").rows
    assert (few.verdict, few.real_share, few.share, few.samples) == ("too few", "20.0%", "0.0%", None)
    assert (many.verdict, many.real_share, many.share) == ("too many", "20.0%", "40.0%")
    assert (few.real.width, many.samples.width) == (5 * (8 + 1 + 8), 5 * 8)
    assert float(few.z.replace("−", "-")) < -Z95 < Z95 < float(many.z)


def test_without_images_the_chart_stands_alone_and_without_bins_there_is_nothing(assets, record, tmp_path):
    bins = ndb_bins(assets, tmp_path, record, "x")
    assert (bins.rows, bins.differing) == ((), 2)
    assert ndb_bins(assets, tmp_path, None, "x") is None
    assert ndb_bins(assets, tmp_path, record.model_copy(update={"details": {}}), "x") is None
